"""Taints that put pods out, and what new pods tolerate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import gone, running
from tests.conformance.objects import pod

KEY = "conformance.drillbook.dev/out"


@pytest.fixture
def node(cluster: Cluster, core: Any, spare_node: str | None) -> Iterator[str]:
    """A node that may be tainted, and is not afterwards. What else runs there is put out too."""
    if spare_node is None:
        cluster.not_applicable("no node may be tainted; name one with --spare-node")
    yield spare_node
    cluster.kubectl("taint", "node", spare_node, f"{KEY}-")
    cluster.eventually(lambda: KEY not in {t.key for t in core.read_node(spare_node).spec.taints or []})


def start(cluster: Cluster, core: Any, shell: str, space: str, node: str, name: str, **toleration: Any) -> None:
    """A pod that runs on that node; ``toleration``: how it answers the taint, if it does."""
    answers = [{"key": KEY, "operator": "Exists", "effect": "NoExecute", **toleration}] if toleration else []
    selector = {"kubernetes.io/hostname": core.read_node(node).metadata.labels["kubernetes.io/hostname"]}
    core.create_namespaced_pod(space, pod(shell, name=name, nodeSelector=selector, tolerations=answers))
    running(cluster, core, space, name)


def test_a_no_execute_taint_puts_out_at_once_who_does_not_tolerate_it(
    cluster: Cluster, core: Any, shell: str, space: str, node: str
) -> None:
    start(cluster, core, shell, space, node, "out")
    start(cluster, core, shell, space, node, "stays", tolerationSeconds=3600)
    cluster.kubectl("taint", "node", node, f"{KEY}=yes:NoExecute").ok()
    gone(cluster, lambda: core.read_namespaced_pod("out", space))
    assert core.read_namespaced_pod("stays", space).metadata.deletion_timestamp is None


def test_a_toleration_with_seconds_ends(cluster: Cluster, core: Any, shell: str, space: str, node: str) -> None:
    start(cluster, core, shell, space, node, "later", tolerationSeconds=4)
    cluster.kubectl("taint", "node", node, f"{KEY}=yes:NoExecute").ok()
    tainted = time.monotonic()
    gone(cluster, lambda: core.read_namespaced_pod("later", space))
    assert time.monotonic() - tainted >= 3


def test_an_eviction_by_taint_is_told_as_an_event(
    cluster: Cluster, core: Any, shell: str, space: str, node: str
) -> None:
    start(cluster, core, shell, space, node, "out")
    cluster.kubectl("taint", "node", node, f"{KEY}=yes:NoExecute").ok()
    selector = "involvedObject.name=out,reason=TaintManagerEviction"
    (found, *_) = cluster.eventually(lambda: core.list_namespaced_event(space, field_selector=selector).items)
    assert f"{space}/out" in found.message


def test_a_cordon_shows_as_a_taint(cluster: Cluster, core: Any, node: str) -> None:
    def taints() -> set[tuple[str, str]]:
        return {(t.key, t.effect) for t in core.read_node(node).spec.taints or []}

    unschedulable = ("node.kubernetes.io/unschedulable", "NoSchedule")
    cluster.kubectl("cordon", node).ok()
    try:
        cluster.eventually(lambda: unschedulable in taints())
    finally:
        cluster.kubectl("uncordon", node).ok()
    cluster.eventually(lambda: unschedulable not in taints())


def test_a_pod_bears_a_lost_node_for_five_minutes_unless_it_says_otherwise(core: Any, shell: str, space: str) -> None:
    own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 7}
    made = core.create_namespaced_pod(space, pod(shell, tolerations=[own]))
    seconds = {t.key: t.toleration_seconds for t in made.spec.tolerations if t.effect == "NoExecute"}
    assert seconds["node.kubernetes.io/not-ready"] == 300
    assert seconds["node.kubernetes.io/unreachable"] == 7


def test_a_node_that_is_heard_of_renews_its_lease_again_and_again(
    cluster: Cluster, core: Any, coordination: Any
) -> None:
    name = core.list_node().items[0].metadata.name

    def renewed() -> Any:
        return coordination.read_namespaced_lease(name, "kube-node-lease").spec.renew_time

    before = renewed()
    cluster.eventually(lambda: renewed() > before)
