"""What people type."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.conformance.cluster import Cluster, refused
from tests.conformance.objects import config_map, deployment, service


def test_apply_creates_then_leaves_alone_then_changes(cluster: Cluster, space: str) -> None:
    text = yaml.safe_dump_all([config_map(a="1"), service(), deployment(cluster.images.shell, replicas=0)])

    def applied(manifest: str) -> list[str]:
        said = cluster.kubectl("-n", space, "apply", "-f", "-", stdin=manifest).ok()
        return [line.split()[-1] for line in said.splitlines()]

    assert applied(text) == ["created"] * 3
    assert applied(text) == ["unchanged"] * 3
    assert applied(text.replace("a: '1'", "a: '2'")) == ["configured", "unchanged", "unchanged"]


def test_apply_removes_what_left_the_manifest(cluster: Cluster, core: Any, space: str) -> None:
    cluster.kubectl("-n", space, "apply", "-f", "-", stdin=json.dumps(config_map(a="1", b="2"))).ok()
    core.patch_namespaced_config_map("settings", space, {"data": {"by-hand": "3"}})
    cluster.kubectl("-n", space, "apply", "-f", "-", stdin=json.dumps(config_map(a="1"))).ok()
    assert core.read_namespaced_config_map("settings", space).data == {"a": "1", "by-hand": "3"}


def test_diff_shows_what_apply_would_change(cluster: Cluster, space: str) -> None:
    cluster.kubectl("-n", space, "apply", "-f", "-", stdin=json.dumps(config_map(a="1"))).ok()
    assert cluster.kubectl("-n", space, "diff", "-f", "-", stdin=json.dumps(config_map(a="1"))).code == 0
    differs = cluster.kubectl("-n", space, "diff", "-f", "-", stdin=json.dumps(config_map(a="2")))
    assert differs.code == 1
    assert re.search(r'^\+\s+a: "2"', differs.out, re.M)


def test_a_misspelt_field_is_refused(cluster: Cluster, space: str) -> None:
    wrong = json.dumps(deployment(cluster.images.shell, replicaz=3))
    done = cluster.kubectl("-n", space, "apply", "-f", "-", stdin=wrong)
    assert done.code == 1
    assert 'unknown field "spec.replicaz"' in done.err


@pytest.mark.parametrize(
    ("command", "path", "value"),
    [
        ("configmap made --from-literal=a=b", ".data.a", "b"),
        ("secret generic made --from-literal=p=q", ".data.p", "cQ=="),
        ("deployment made --image=IMAGE --replicas=0", ".spec.replicas", "0"),
        ("cronjob made --image=IMAGE --schedule=0_0_1_1_*", ".spec.schedule", "0 0 1 1 *"),
        ("service clusterip made --tcp=80:8080", ".spec.ports[0].targetPort", "8080"),
        ("ingress made --rule=a.example/x*=svc:http", ".spec.rules[0].http.paths[0].pathType", "Prefix"),
        ("poddisruptionbudget made --selector=app=x --min-available=50%", ".spec.minAvailable", "50%"),
        ("quota made --hard=pods=30", ".spec.hard.pods", "30"),
        ("role made --verb=get --resource=pods", ".rules[0].resources[0]", "pods"),
        ("rolebinding made --role=x --user=eve", ".subjects[0].name", "eve"),
        ("serviceaccount made", ".kind", "ServiceAccount"),
    ],
)
def test_create_makes_objects_of_many_kinds(cluster: Cluster, space: str, command: str, path: str, value: str) -> None:
    words = [word.replace("_", " ").replace("IMAGE", cluster.images.shell) for word in command.split()]
    cluster.kubectl("-n", space, "create", *words).ok()
    kind = words[0].replace("quota", "resourcequota")
    assert cluster.kubectl("-n", space, "get", kind, "made", "-o", f"jsonpath={{{path}}}").ok() == value


def test_label_and_annotate_set_and_remove(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map())
    cluster.kubectl("-n", space, "label", "configmap", "settings", "a=b", "c=d").ok()
    cluster.kubectl("-n", space, "annotate", "configmap", "settings", "note=here").ok()
    cluster.kubectl("-n", space, "label", "configmap", "settings", "c-", "a=e", "--overwrite").ok()
    meta = core.read_namespaced_config_map("settings", space).metadata
    assert (meta.labels, meta.annotations) == ({"a": "e"}, {"note": "here"})


def test_can_i_is_answered(cluster: Cluster) -> None:
    assert cluster.kubectl("auth", "can-i", "delete", "pods").ok().strip() == "yes"


def test_api_resources_list_the_built_in_kinds(cluster: Cluster) -> None:
    said = cluster.kubectl("api-resources", "-o", "name").ok().split()
    assert set(said) >= {
        "pods", "services", "configmaps", "secrets", "namespaces", "nodes", "events", "persistentvolumeclaims",
        "deployments.apps", "replicasets.apps", "statefulsets.apps", "jobs.batch", "cronjobs.batch",
        "horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy", "ingresses.networking.k8s.io",
        "leases.coordination.k8s.io", "endpointslices.discovery.k8s.io", "roles.rbac.authorization.k8s.io",
    }  # fmt: skip


def test_explain_knows_the_fields_of_a_container(cluster: Cluster) -> None:
    said = cluster.kubectl("explain", "deployment.spec.template.spec.containers").ok()
    for field in ("image", "command", "env", "livenessProbe", "resources"):
        assert re.search(rf"^\s+{field}\s+<", said, re.M), field


def test_get_all_shows_workloads_and_services(cluster: Cluster, core: Any, apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell, replicas=0))
    core.create_namespaced_service(space, service())
    said = cluster.kubectl("-n", space, "get", "all", "-o", "name").ok().split()
    assert {"service/web", "deployment.apps/web"} <= set(said)


def test_wait_sees_a_condition_come(cluster: Cluster, apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell))
    said = cluster.kubectl("-n", space, "wait", "--for=condition=Available", "deployment/web", "--timeout=100s").ok()
    assert "condition met" in said


def test_run_with_rm_leaves_nothing(cluster: Cluster, core: Any, space: str) -> None:
    command = ("run", "once", "--rm", "-i", "--restart=Never", f"--image={cluster.images.shell}")
    done = cluster.kubectl("-n", space, *command, "--", "echo", "hello")
    assert done.code == 0
    assert "hello" in done.out
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)


def test_a_lease_is_taken_by_one_and_lost_by_the_other(coordination: Any, space: str) -> None:
    made = coordination.create_namespaced_lease(
        space, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "one", "leaseDurationSeconds": 10}}
    )
    stale = coordination.read_namespaced_lease("l", space)
    made.spec.holder_identity = "two"
    assert coordination.replace_namespaced_lease("l", space, made).spec.holder_identity == "two"
    stale.spec.holder_identity = "three"
    assert refused(lambda: coordination.replace_namespaced_lease("l", space, stale))[0] == 409
