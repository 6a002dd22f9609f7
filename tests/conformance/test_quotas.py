"""ResourceQuotas and LimitRanges: what a namespace may hold, and what its containers get."""

from __future__ import annotations

from typing import Any

from tests.conformance.cluster import Cluster, refused
from tests.conformance.looks import condition
from tests.conformance.objects import config_map, deployment, pod

RESOURCES = {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}


def limit(cluster: Cluster, core: Any, space: str, **hard: str) -> None:
    """A quota, once it is counted."""
    spec = {"hard": {name.replace("__", ".").replace("_", "/"): value for name, value in hard.items()}}
    core.create_namespaced_resource_quota(space, {"metadata": {"name": "q"}, "spec": spec})
    cluster.eventually(lambda: core.read_namespaced_resource_quota("q", space).status.used)


def test_what_exceeds_a_quota_is_forbidden(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    limit(cluster, core, space, pods="1")
    core.create_namespaced_pod(space, pod(shell))
    code, status = refused(lambda: core.create_namespaced_pod(space, pod(shell, name="two")))
    assert (code, status["reason"]) == (403, "Forbidden")
    assert "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" in status["message"]


def test_a_quota_counts_what_is_used_and_what_is_given_back(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    limit(cluster, core, space, pods="2", requests__cpu="1", requests__memory="128Mi")
    core.create_namespaced_pod(space, pod(shell, container={"resources": RESOURCES}))
    expected = {"pods": "1", "requests.cpu": "100m", "requests.memory": "32Mi"}
    cluster.eventually(lambda: core.read_namespaced_resource_quota("q", space).status.used == expected)
    cluster.kubectl("-n", space, "delete", "pod", "one").ok()
    cluster.eventually(lambda: core.read_namespaced_resource_quota("q", space).status.used["pods"] == "0")


def test_with_a_quota_on_memory_a_pod_must_say_what_it_needs(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    limit(cluster, core, space, requests__memory="1Gi")
    code, status = refused(lambda: core.create_namespaced_pod(space, pod(shell)))
    assert code == 403
    assert "failed quota: q: must specify requests.memory for: main" in status["message"]


def test_a_quota_can_count_objects_of_any_kind(cluster: Cluster, core: Any, space: str) -> None:
    every = len(core.list_namespaced_config_map(space).items)
    limit(cluster, core, space, count_configmaps=str(every + 1))
    core.create_namespaced_config_map(space, config_map("first"))
    assert refused(lambda: core.create_namespaced_config_map(space, config_map("second")))[0] == 403


def test_a_deployment_says_that_a_quota_keeps_its_pods_out(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    limit(cluster, core, space, pods="1")
    apps.create_namespaced_deployment(space, deployment(shell, replicas=2))

    def failure() -> Any:
        found = condition(apps.read_namespaced_deployment("web", space), "ReplicaFailure")
        return found and found.status == "True" and found

    assert "exceeded quota" in cluster.eventually(failure).message
    assert len(core.list_namespaced_pod(space).items) == 1


def test_a_limit_range_gives_a_container_its_defaults(core: Any, shell: str, space: str) -> None:
    given = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"memory": "32Mi"}}
    core.create_namespaced_limit_range(space, {"metadata": {"name": "l"}, "spec": {"limits": [given]}})
    made = core.create_namespaced_pod(space, pod(shell))
    resources = made.spec.containers[0].resources
    assert (resources.limits, resources.requests) == ({"memory": "64Mi"}, {"memory": "32Mi"})


def test_a_limit_range_forbids_more_than_its_maximum(core: Any, shell: str, space: str) -> None:
    given = {"type": "Container", "max": {"memory": "32Mi"}}
    core.create_namespaced_limit_range(space, {"metadata": {"name": "l"}, "spec": {"limits": [given]}})
    code, status = refused(lambda: core.create_namespaced_pod(space, pod(shell, container={"resources": RESOURCES})))
    assert code == 403
    assert "maximum memory usage per Container is 32Mi, but limit is 64Mi" in status["message"]
