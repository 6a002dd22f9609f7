"""Who may do what: roles, bindings, the standing roles, impersonation and reviews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.api import manifests
from tests.sandbox.api.server import GUEST, ApiServer, official

_RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def guest(api: ApiServer) -> Path:
    """A kubeconfig of somebody who has logged in and has no role."""
    return api.write_kubeconfig(GUEST)


def test_a_role_allows_what_it_names_in_its_namespace_and_nothing_else(api: ApiServer, space: str, guest: Path) -> None:
    api.kubectl("-n", space, "create", "role", "reader", "--verb=get,list", "--resource=pods,pods/log").ok()
    api.kubectl("-n", space, "create", "rolebinding", "guests", "--role=reader", "--user=guest").ok()
    api.kubectl("-n", space, "create", "-f", "-", stdin=json.dumps(manifests.pod())).ok()
    assert "web" in api.kubectl("-n", space, "get", "pods", kubeconfig=guest).ok()
    for refused in (("delete", "pod", "web"), ("get", "secrets"), ("delete", "configmap", "a")):
        assert "(Forbidden)" in api.kubectl("-n", space, *refused, kubeconfig=guest).err
    elsewhere = api.kubectl("-n", "default", "get", "pods", kubeconfig=guest)
    assert (
        elsewhere.err.strip() == 'Error from server (Forbidden): pods is forbidden: User "guest" cannot list resource '
        '"pods" in API group "" in the namespace "default"'
    )
    everywhere = api.kubectl("get", "pods", "-A", kubeconfig=guest)
    assert everywhere.err.strip().endswith('in API group "" at the cluster scope')


def test_a_role_for_one_name_allows_that_object_alone(api: ApiServer, space: str, guest: Path) -> None:
    role = ("create", "role", "one", "--verb=get,list,watch", "--resource=configmaps", "--resource-name=mine")
    api.kubectl("-n", space, *role).ok()
    api.kubectl("-n", space, "create", "rolebinding", "one", "--role=one", "--user=guest").ok()
    for name in ("mine", "other"):
        api.kubectl("-n", space, "create", "configmap", name).ok()
    api.kubectl("-n", space, "get", "configmap", "mine", kubeconfig=guest).ok()
    selected = ("get", "configmap", "--field-selector", "metadata.name=mine")
    assert "mine" in api.kubectl("-n", space, *selected, kubeconfig=guest).ok()
    assert api.kubectl("-n", space, "get", "configmap", "other", kubeconfig=guest).code == 1
    assert api.kubectl("-n", space, "get", "configmap", kubeconfig=guest).code == 1


def test_a_subresource_is_another_right_than_its_object(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "role", "scaler", "--verb=get,patch", "--resource=deployments/scale").ok()
    api.kubectl("-n", space, "create", "rolebinding", "s", "--role=scaler", "--user=sue").ok()
    as_sue = ("-n", space, "--as", "sue", "auth", "can-i")
    assert api.kubectl(*as_sue, "patch", "deployments.apps", "--subresource=scale").out == "yes\n"
    assert api.kubectl(*as_sue, "patch", "deployments.apps").out == "no\n"


def test_a_cluster_role_bound_in_a_namespace_counts_there_and_bound_to_the_cluster_everywhere(
    api: ApiServer, space: str
) -> None:
    can = ("auth", "can-i", "list", "pods", "--as", "vera")
    api.kubectl("-n", space, "create", "rolebinding", "v", "--clusterrole=view", "--user=vera").ok()
    assert api.kubectl("-n", space, *can).out == "yes\n"
    assert api.kubectl("-n", "default", *can).out == "no\n"
    name = f"views-{space}"
    api.kubectl("create", "clusterrolebinding", name, "--clusterrole=view", "--user=vera").ok()
    assert api.kubectl("-n", "default", *can).out == "yes\n"
    api.kubectl("delete", "clusterrolebinding", name).ok()
    assert api.kubectl("-n", "default", *can).out == "no\n"


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("view", ("get pods", "list deployments.apps", "get pods/log"), ("get secrets", "delete pods", "get roles")),
        ("edit", ("get secrets", "delete pods", "patch deployments.apps/scale", "get pods"), ("create rolebindings",)),
        ("admin", ("create rolebindings", "get secrets", "watch events"), ("create resourcequotas", "get nodes")),
        ("cluster-admin", ("get nodes", "delete resourcequotas", "create rolebindings"), ()),
    ],
)
def test_the_standing_roles_allow_what_they_are_known_for(
    api: ApiServer, space: str, role: str, may: tuple[str, ...], may_not: tuple[str, ...]
) -> None:
    api.kubectl("-n", space, "create", "rolebinding", "r", f"--clusterrole={role}", "--group=crew").ok()
    for asked in (*may, *may_not):
        verb, _, resource = asked.partition(" ")
        plural, _, part = resource.partition("/")
        can = ("auth", "can-i", verb, plural, f"--subresource={part}", "--as", "eve", "--as-group", "crew")
        assert api.kubectl("-n", space, *can).out == ("yes\n" if asked in may else "no\n"), asked


def test_a_role_with_the_label_adds_itself_to_view_and_so_to_edit(api: ApiServer, space: str) -> None:
    name = f"more-{space}"
    role = {
        "metadata": {"name": name, "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["things"]}],
    }
    api.kubectl("-n", space, "create", "rolebinding", "r", "--clusterrole=edit", "--user=ed").ok()
    can = json.dumps(
        {"spec": {"user": "ed", "resourceAttributes": {
            "verb": "get", "group": "example.com", "resource": "things", "namespace": space}}}
    ).encode()  # fmt: skip
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert api.request("POST", path, can).json()["status"]["allowed"] is False
    assert api.request("POST", f"{_RBAC}/clusterroles", json.dumps(role).encode()).code == 201
    assert api.request("POST", path, can).json()["status"]["allowed"] is True
    api.kubectl("delete", "clusterrole", name).ok()


def test_a_binding_to_a_role_that_is_not_there_allows_nothing_and_says_so(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "rolebinding", "r", "--role=none", "--user=nora").ok()
    said = api.kubectl("-n", space, "--as", "nora", "get", "pods").err
    assert said.strip().endswith(f'in the namespace "{space}": RBAC: role.rbac.authorization.k8s.io "none" not found')


def test_discovery_and_the_version_are_for_everybody_who_has_logged_in(api: ApiServer) -> None:
    bearer = f"Bearer {GUEST}"
    for path in ("/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/version"):
        assert api.request("GET", path, Authorization=bearer).code == 200
    refused = api.request("GET", "/metrics", Authorization=bearer)
    assert (refused.code, refused.json()["message"]) == (403, 'forbidden: User "guest" cannot get path "/metrics"')
    assert api.request("GET", "/metrics").code == 404


def test_a_path_can_be_granted(api: ApiServer, space: str) -> None:
    name = f"paths-{space}"
    api.kubectl("create", "clusterrole", name, "--verb=get", "--non-resource-url=/logs/*").ok()
    api.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", "--user=pat").ok()
    assert api.kubectl("auth", "can-i", "get", "/logs/today", "--as", "pat").out == "yes\n"
    assert api.kubectl("auth", "can-i", "get", "/metrics", "--as", "pat").out == "no\n"
    api.kubectl("delete", "clusterrole,clusterrolebinding", name).ok()


def test_only_who_may_impersonate_acts_for_another(api: ApiServer, space: str, guest: Path) -> None:
    said = api.kubectl("get", "pods", "--as", "root", kubeconfig=guest).err
    assert 'users "root" is forbidden: User "guest" cannot impersonate resource "users" in API group ""' in said
    assert "eve" in api.kubectl("auth", "whoami", "--as", "eve").ok()
    account = f"system:serviceaccount:{space}:robot"
    assert f"system:serviceaccounts:{space}" in api.kubectl("auth", "whoami", "--as", account).ok()
    assert api.request("GET", "/api/v1/pods", Impersonate_Group="crew").code == 500


def test_the_rules_of_a_namespace_are_listed(api: ApiServer, space: str) -> None:
    api.kubectl("-n", space, "create", "role", "reader", "--verb=get", "--resource=pods").ok()
    api.kubectl("-n", space, "create", "rolebinding", "r", "--role=reader", "--user=rita").ok()
    said = api.kubectl("-n", space, "auth", "can-i", "--list", "--as", "rita").ok()
    lines = [line.split() for line in said.splitlines()]
    assert ["pods", "[]", "[]", "[get]"] in lines
    assert ["[/version]", "[]", "[get]"] in lines


def test_the_official_client_reads_the_refusal(api: ApiServer, space: str) -> None:
    client: Any = official("config").new_client_from_config(str(api.write_kubeconfig(GUEST)))
    with pytest.raises(official("client.exceptions").ApiException) as refused:
        official("client").CoreV1Api(client).delete_namespaced_secret("x", space)
    assert refused.value.status == 403
    body = json.loads(refused.value.body)
    assert (body["reason"], body["details"]) == ("Forbidden", {"name": "x", "kind": "secrets"})
