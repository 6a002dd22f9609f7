"""What a pod's programs find to talk to the API with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import execute, running, said
from tests.conformance.objects import pod

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def one(cluster: Cluster, core: Any, shell: str, shared: str) -> str:
    """A namespace with a pod that runs."""
    core.create_namespaced_pod(shared, pod(shell))
    running(cluster, core, shared)
    return shared


def test_a_pod_finds_a_token_the_ca_and_its_namespace(cluster: Cluster, one: str) -> None:
    assert {"token", "ca.crt", "namespace"} <= set(said(cluster, one, f"ls {FOLDER}").split())
    assert said(cluster, one, f"cat {FOLDER}/namespace").strip() == one
    assert "BEGIN CERTIFICATE" in said(cluster, one, f"cat {FOLDER}/ca.crt")


def test_the_token_speaks_for_the_pods_account(cluster: Cluster, one: str) -> None:
    token = said(cluster, one, f"cat {FOLDER}/token").strip()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = cluster.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    status = answer.json()["status"]
    assert status["authenticated"] is True
    assert status["user"]["username"] == f"system:serviceaccount:{one}:default"
    assert status["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["one"]


def test_the_token_is_refused_what_no_role_allows(cluster: Cluster, one: str) -> None:
    token = said(cluster, one, f"cat {FOLDER}/token").strip()
    answer = cluster.request("GET", f"/api/v1/namespaces/{one}/secrets", Authorization=f"Bearer {token}")
    assert answer.code == 403
    assert f"system:serviceaccount:{one}:default" in answer.json()["message"]


def test_the_files_are_sealed(cluster: Cluster, one: str) -> None:
    session = execute(cluster, one, "sh", "-c", f"echo x > {FOLDER}/token")
    assert session.returncode != 0


def test_a_container_is_told_where_the_api_is(cluster: Cluster, one: str) -> None:
    host, port = said(cluster, one, "echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT").split()
    assert host
    assert int(port) > 0


def test_the_volume_is_a_projected_one_that_admission_added(core: Any, one: str) -> None:
    spec = core.read_namespaced_pod("one", one).spec
    (volume,) = [volume for volume in spec.volumes if volume.name.startswith("kube-api-access-")]
    sources = volume.projected.sources
    assert [source.service_account_token.path for source in sources if source.service_account_token] == ["token"]
    assert [source.config_map.name for source in sources if source.config_map] == ["kube-root-ca.crt"]
    (mount,) = [mount for mount in spec.containers[0].volume_mounts if mount.name == volume.name]
    assert (mount.mount_path, mount.read_only) == (FOLDER, True)


def test_a_pod_that_wants_no_token_gets_none(core: Any, shell: str, space: str) -> None:
    made = core.create_namespaced_pod(space, pod(shell, automountServiceAccountToken=False))
    assert not made.spec.volumes


def test_an_account_can_want_no_tokens_in_pods_and_a_pod_can_overrule_it(core: Any, shell: str, space: str) -> None:
    quiet = {"metadata": {"name": "quiet"}, "automountServiceAccountToken": False}
    core.create_namespaced_service_account(space, quiet)
    plain = core.create_namespaced_pod(space, pod(shell, name="plain", serviceAccountName="quiet"))
    more: dict[str, Any] = {"serviceAccountName": "quiet", "automountServiceAccountToken": True}
    wants = core.create_namespaced_pod(space, pod(shell, name="wants", **more))
    assert not plain.spec.volumes
    assert wants.spec.volumes
