"""StatefulSets: order, names, claims, updates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import execute, running
from tests.conformance.objects import service, template

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}},
}


def stateful_set(shell: str, count: int, **spec: Any) -> dict[str, Any]:
    inner = {"replicas": count, "serviceName": "web", "selector": {"matchLabels": {"app": "web"}}}
    return {"metadata": {"name": "web"}, "spec": {**inner, "template": template(shell), **spec}}


def all_ready(cluster: Cluster, apps: Any, space: str, count: int) -> Any:
    def look() -> Any:
        found = apps.read_namespaced_stateful_set("web", space)
        status = found.status
        current = status.observed_generation == found.metadata.generation
        return current and status.ready_replicas == status.replicas == status.updated_replicas == count and found

    return cluster.eventually(look)


def test_a_claim_outlives_its_pod_and_comes_back_to_its_successor(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    made = stateful_set(shell, 1, volumeClaimTemplates=[CLAIM])
    made["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    apps.create_namespaced_stateful_set(space, made)
    all_ready(cluster, apps, space, 1)
    assert execute(cluster, space, "sh", "-c", "echo kept > /data/file", pod="web-0").returncode == 0
    apps.patch_namespaced_stateful_set_scale("web", space, {"spec": {"replicas": 0}})
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)
    assert core.read_namespaced_persistent_volume_claim("data-web-0", space).status.phase == "Bound"
    apps.patch_namespaced_stateful_set_scale("web", space, {"spec": {"replicas": 1}})
    running(cluster, core, space, "web-0")
    assert execute(cluster, space, "cat", "/data/file", pod="web-0").read_stdout() == "kept\n"


def test_claims_outlive_their_stateful_set(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_stateful_set(space, stateful_set(shell, 1, volumeClaimTemplates=[CLAIM]))
    cluster.eventually(lambda: core.list_namespaced_persistent_volume_claim(space).items)
    cluster.kubectl("-n", space, "delete", "statefulset", "web").ok()
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)
    assert [c.metadata.name for c in core.list_namespaced_persistent_volume_claim(space).items] == ["data-web-0"]


def test_the_next_pod_waits_until_the_one_before_is_ready(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    made = stateful_set(shell, 2)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["readinessProbe"] = {"exec": {"command": ["test", "-e", "/data/ready"]}, "periodSeconds": 1}
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    apps.create_namespaced_stateful_set(space, made)

    def first() -> Any:
        return core.read_namespaced_pod("web-0", space).status.phase == "Running"

    cluster.eventually(first)
    assert [p.metadata.name for p in core.list_namespaced_pod(space).items] == ["web-0"]
    cluster.kubectl("-n", space, "exec", "web-0", "--", "touch", "/data/ready").ok()
    cluster.eventually(lambda: [p.metadata.name for p in core.list_namespaced_pod(space).items] == ["web-0", "web-1"])


def test_pods_start_together_when_order_does_not_matter(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    made = stateful_set(shell, 2, podManagementPolicy="Parallel")
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = never
    apps.create_namespaced_stateful_set(space, made)
    cluster.eventually(lambda: [p.metadata.name for p in core.list_namespaced_pod(space).items] == ["web-0", "web-1"])


def test_an_update_goes_from_the_last_pod_to_the_first(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_stateful_set(space, stateful_set(shell, 2))
    before = all_ready(cluster, apps, space, 2)
    cluster.kubectl("-n", space, "set", "env", "statefulset/web", "VERSION=2").ok()
    found = all_ready(cluster, apps, space, 2)
    assert found.status.current_revision == found.status.update_revision != before.status.update_revision
    pods = core.list_namespaced_pod(space).items
    assert all(p.spec.containers[0].env for p in pods)
    assert pods[1].metadata.creation_timestamp <= pods[0].metadata.creation_timestamp


def test_a_partition_holds_an_update_back(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    apps.create_namespaced_stateful_set(space, stateful_set(shell, 2, updateStrategy=strategy))
    all_ready(cluster, apps, space, 2)
    cluster.kubectl("-n", space, "set", "env", "statefulset/web", "VERSION=2").ok()
    cluster.eventually(lambda: core.read_namespaced_pod("web-1", space).spec.containers[0].env)
    running(cluster, core, space, "web-1")
    assert not core.read_namespaced_pod("web-0", space).spec.containers[0].env


def test_with_on_delete_a_pod_is_updated_when_it_is_deleted(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_stateful_set(space, stateful_set(shell, 1, updateStrategy={"type": "OnDelete"}))
    cluster.eventually(lambda: apps.read_namespaced_stateful_set("web", space).status.ready_replicas)
    cluster.kubectl("-n", space, "set", "env", "statefulset/web", "VERSION=2").ok()
    cluster.eventually(lambda: apps.read_namespaced_stateful_set("web", space).status.observed_generation == 2)
    assert not core.read_namespaced_pod("web-0", space).spec.containers[0].env
    cluster.kubectl("-n", space, "delete", "pod", "web-0").ok()
    cluster.eventually(lambda: core.read_namespaced_pod("web-0", space).spec.containers[0].env)


def test_pods_carry_their_name_and_index_as_labels(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_stateful_set(space, stateful_set(shell, 1))
    cluster.eventually(lambda: core.list_namespaced_pod(space).items)
    labels = core.read_namespaced_pod("web-0", space).metadata.labels
    assert labels["statefulset.kubernetes.io/pod-name"] == "web-0"
    assert labels["apps.kubernetes.io/pod-index"] == "0"
    assert labels["controller-revision-hash"]


@pytest.mark.slow
def test_every_pod_has_a_name_below_its_headless_service(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    core.create_namespaced_service(space, service(clusterIP="None"))
    apps.create_namespaced_stateful_set(space, stateful_set(shell, 2))
    all_ready(cluster, apps, space, 2)
    address = core.read_namespaced_pod("web-1", space).status.pod_ip
    name = f"web-1.web.{space}.svc.cluster.local"
    # busybox's nslookup ends with 1 when a name has no IPv6 address.
    cluster.eventually(lambda: address in execute(cluster, space, "nslookup", name, pod="web-0").read_stdout())
    assert execute(cluster, space, "hostname", pod="web-1").read_stdout() == "web-1\n"
