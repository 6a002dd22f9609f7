"""Pods that no kubelet will end: of nodes that are gone, and of nodes out of service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.nodes import register
from drillbook.sandbox.controllers.pod_garbage import QUARANTINE, PodGarbage
from drillbook.sandbox.controllers.pods import with_condition
from drillbook.sandbox.kinds import NODE, POD, Object
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of, pod_body, staged


@pytest.fixture
def nodes(authority: Authority) -> Iterator[Stage]:
    """Three nodes, a pod that runs on node-1, and the collector."""
    with staged(authority) as stage:
        register(stage.cluster)
        stage.add(lambda cluster: PodGarbage(cluster, lambda: stage.clock.elapsed))
        stage.run(stage.create(POD, "one", **pod_body()))
        stage.settle()
        yield stage


def there(stage: Stage) -> bool:
    return stage.store.get(POD, NAMESPACE, "one") is not None


def test_pods_of_a_deleted_node_go_when_its_quarantine_is_over(nodes: Stage) -> None:
    seen = nodes.store.subscribe(POD)
    nodes.store.remove(NODE, "", "node-1")
    nodes.advance(QUARANTINE - 1)
    assert there(nodes)
    nodes.advance(2)
    assert not there(nodes)
    last = [seen.queue.get_nowait() for _ in range(seen.queue.qsize())][-1]
    assert last.object["status"]["phase"] == "Failed"
    assert condition_of(last.object, "DisruptionTarget") == ("True", "DeletionByPodGC")


def test_a_node_that_is_back_in_time_keeps_its_pods(nodes: Stage) -> None:
    gone = nodes.store.remove(NODE, "", "node-1")
    nodes.advance(QUARANTINE / 2)
    nodes.create(NODE, "node-1", spec=gone["spec"], status=gone["status"])
    nodes.advance(2 * QUARANTINE)
    assert there(nodes)
    nodes.store.remove(NODE, "", "node-1")
    nodes.advance(QUARANTINE - 1)
    assert there(nodes)


def test_a_pod_bound_to_a_node_that_never_was_goes_too(nodes: Stage) -> None:
    nodes.change(POD, "one", lambda draft: draft["spec"].update(nodeName="nowhere"))
    nodes.advance(QUARANTINE + 1)
    assert not there(nodes)


def test_a_pod_that_comes_later_has_a_quarantine_of_its_own(nodes: Stage) -> None:
    nodes.change(POD, "one", lambda draft: draft["spec"].update(nodeName="nowhere"))
    nodes.advance(QUARANTINE + 1)
    later = pod_body()
    later["spec"]["nodeName"] = "nowhere"
    nodes.create(POD, "one", **later)
    nodes.advance(QUARANTINE - 1)
    assert there(nodes)
    nodes.advance(2)
    assert not there(nodes)


def test_a_silent_node_out_of_service_lets_go_of_what_was_deleted(nodes: Stage) -> None:
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    nodes.store.mark_deleted(POD, NAMESPACE, "one", 30)
    nodes.change(NODE, "node-1", lambda draft: draft["spec"].update(taints=[taint]))
    nodes.settle()
    assert there(nodes), "the node answers: its kubelet ends the pod"

    def silent(draft: Object) -> None:
        draft["status"]["conditions"] = with_condition(draft["status"]["conditions"], "Ready", "Unknown")

    nodes.change(NODE, "node-1", silent)
    nodes.settle()
    assert not there(nodes)
