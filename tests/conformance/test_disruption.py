"""Evictions, disruption budgets, and nodes that take no pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.cluster import Cluster, refused
from tests.conformance.looks import condition, gone, ready, running
from tests.conformance.objects import deployment, pod


def budget(policy: Any, space: str, **spec: Any) -> None:
    body = {"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}
    policy.create_namespaced_pod_disruption_budget(space, body)


def evict(core: Any, space: str, name: str, **options: Any) -> Any:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space}}
    return core.create_namespaced_pod_eviction(name, space, body | options)


def status_of(cluster: Cluster, policy: Any, space: str) -> Any:
    def look() -> Any:
        found = policy.read_namespaced_pod_disruption_budget("b", space)
        return found.status.observed_generation == found.metadata.generation and found.status

    return cluster.eventually(look)


@pytest.mark.parametrize(
    ("spec", "needed", "allowed"),
    [
        ({"minAvailable": 2}, 2, 1),
        ({"maxUnavailable": 1}, 2, 1),
        ({"minAvailable": "50%"}, 2, 1),
        ({"maxUnavailable": "34%"}, 1, 2),
        ({"minAvailable": "100%"}, 3, 0),
    ],
)
def test_a_budget_counts_how_many_may_go(
    cluster: Cluster, apps: Any, policy: Any, shell: str, space: str, spec: Any, needed: int, allowed: int
) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, replicas=3))
    ready(cluster, apps, space, 3)
    budget(policy, space, **spec)
    cluster.eventually(lambda: status_of(cluster, policy, space).current_healthy == 3)
    status = status_of(cluster, policy, space)
    assert (status.expected_pods, status.desired_healthy, status.disruptions_allowed) == (3, needed, allowed)


def test_an_eviction_without_a_budget_ends_the_pod(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    running(cluster, core, space)
    evict(core, space, "one")
    gone(cluster, lambda: core.read_namespaced_pod("one", space))


def test_an_eviction_can_be_tried_without_ending_the_pod(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    running(cluster, core, space)
    evict(core, space, "one", deleteOptions={"dryRun": ["All"]})
    assert core.read_namespaced_pod("one", space).metadata.deletion_timestamp is None


def test_what_is_not_there_cannot_be_evicted(core: Any, space: str) -> None:
    assert refused(lambda: evict(core, space, "none"))[0] == 404


def test_one_eviction_uses_up_a_budget_of_one(
    cluster: Cluster, core: Any, apps: Any, policy: Any, shell: str, space: str
) -> None:
    made = deployment(shell, replicas=2)
    made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 20
    apps.create_namespaced_deployment(space, made)
    ready(cluster, apps, space, 2)
    budget(policy, space, maxUnavailable=1)
    cluster.eventually(lambda: status_of(cluster, policy, space).disruptions_allowed == 1)
    first, second = (found.metadata.name for found in core.list_namespaced_pod(space).items)
    evict(core, space, first)
    code, status = refused(lambda: evict(core, space, second))
    assert code == 429
    assert "Cannot evict pod as it would violate the pod's disruption budget" in status["message"]


def test_a_budget_says_why_nothing_may_go(cluster: Cluster, apps: Any, policy: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    budget(policy, space, minAvailable=1)

    def look() -> Any:
        return condition(policy.read_namespaced_pod_disruption_budget("b", space), "DisruptionAllowed")

    found = cluster.eventually(look)
    assert (found.status, found.reason) == ("False", "InsufficientPods")


@pytest.fixture
def cordoned(cluster: Cluster, spare_node: str | None) -> Iterator[str]:
    """A node that takes no new pods during the test."""
    if spare_node is None:
        cluster.not_applicable("no node may be cordoned; name one with --spare-node")
    cluster.kubectl("cordon", spare_node).ok()
    yield spare_node
    cluster.kubectl("uncordon", spare_node).ok()


def test_a_cordoned_node_takes_no_pods(cluster: Cluster, core: Any, shell: str, space: str, cordoned: str) -> None:
    assert core.read_node(cordoned).spec.unschedulable is True
    assert "SchedulingDisabled" in cluster.kubectl("get", "node", cordoned).ok()
    core.create_namespaced_pod(space, pod(shell, nodeSelector={"kubernetes.io/hostname": cordoned}))

    def unschedulable() -> Any:
        found = condition(core.read_namespaced_pod("one", space), "PodScheduled")
        return found and found.reason == "Unschedulable" and found

    assert "unschedulable" in cluster.eventually(unschedulable).message


def test_a_pod_that_waited_for_a_cordoned_node_runs_once_it_is_free(
    cluster: Cluster, core: Any, shell: str, space: str, cordoned: str
) -> None:
    core.create_namespaced_pod(space, pod(shell, nodeSelector={"kubernetes.io/hostname": cordoned}))
    cluster.eventually(lambda: condition(core.read_namespaced_pod("one", space), "PodScheduled"))
    cluster.kubectl("uncordon", cordoned).ok()
    assert running(cluster, core, space).spec.node_name == cordoned


def test_a_pod_keeps_running_on_a_node_that_is_cordoned(
    cluster: Cluster, core: Any, shell: str, space: str, spare_node: str | None
) -> None:
    if spare_node is None:
        cluster.not_applicable("no node may be cordoned; name one with --spare-node")
    core.create_namespaced_pod(space, pod(shell, nodeSelector={"kubernetes.io/hostname": spare_node}))
    running(cluster, core, space)
    cluster.kubectl("cordon", spare_node).ok()
    try:
        assert running(cluster, core, space).metadata.deletion_timestamp is None
    finally:
        cluster.kubectl("uncordon", spare_node).ok()


def test_a_node_says_what_it_is_and_what_it_has(core: Any) -> None:
    for node in core.list_node().items:
        assert node.metadata.labels["kubernetes.io/hostname"]
        assert node.metadata.labels["kubernetes.io/os"] == "linux"
        assert {"cpu", "memory", "pods"} <= set(node.status.allocatable) <= set(node.status.capacity)
        assert node.status.node_info.kubelet_version.startswith("v1.")
        assert condition(node, "Ready").status == "True"


def test_every_node_renews_its_lease(coordination: Any, core: Any) -> None:
    leases = {found.metadata.name: found for found in coordination.list_namespaced_lease("kube-node-lease").items}
    for node in core.list_node().items:
        assert leases[node.metadata.name].spec.holder_identity == node.metadata.name
        assert leases[node.metadata.name].spec.renew_time
