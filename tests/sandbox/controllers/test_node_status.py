"""What a kubelet says of its node, and what becomes of it when somebody else writes there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.heartbeats import LEASES
from drillbook.sandbox.controllers.node_lifecycle import NodeLifecycle
from drillbook.sandbox.controllers.nodes import look_after, register
from drillbook.sandbox.controllers.pods import with_condition
from drillbook.sandbox.controllers.scheduler import Scheduler
from drillbook.sandbox.kinds import LEASE, NODE, POD, Object
from drillbook.sandbox.stopped import ANNOTATION, STOPPED
from tests.sandbox.controllers.stage import Stage, condition_of, pod_body, staged

GRACE = 40.0


@pytest.fixture
def nodes(authority: Authority) -> Iterator[Stage]:
    """Three nodes whose kubelets have looked after them once."""
    with staged(authority) as stage:
        register(stage.cluster)
        stage.add(lambda cluster: NodeLifecycle(cluster, GRACE, lambda: stage.clock.elapsed))
        look_after(stage.cluster)
        stage.settle()
        yield stage


def write(stage: Stage, type_: str, status: str, name: str = "node-1") -> None:
    """As somebody does with ``kubectl patch --subresource=status``."""

    def change(draft: Object) -> None:
        draft["status"]["conditions"] = with_condition(draft["status"]["conditions"], type_, status, "ByHand")

    stage.change(NODE, name, change)
    stage.settle()


def taints(stage: Stage, name: str = "node-1") -> set[str]:
    return {taint["key"] for taint in stage.get(NODE, name)["spec"].get("taints") or ()}


@pytest.mark.parametrize(
    ("type_", "status", "back", "said"),
    [
        ("Ready", "False", ("True", "KubeletReady"), "NodeReady"),
        ("DiskPressure", "True", ("False", "KubeletHasNoDiskPressure"), "NodeHasNoDiskPressure"),
        ("PIDPressure", "Unknown", ("False", "KubeletHasSufficientPID"), "NodeHasSufficientPID"),
    ],
)
def test_a_condition_written_by_hand_lasts_until_the_kubelet_looks(
    nodes: Stage, type_: str, status: str, back: tuple[str, str], said: str
) -> None:
    write(nodes, type_, status)
    assert condition_of(nodes.get(NODE, "node-1"), type_) == (status, "ByHand")
    look_after(nodes.cluster)
    nodes.settle()
    assert condition_of(nodes.get(NODE, "node-1"), type_) == back
    assert nodes.said(said) == [f"Node node-1 status is now: {said}"]
    assert not taints(nodes)


def test_a_stopped_kubelet_lets_it_stand(nodes: Stage) -> None:
    nodes.change(NODE, "node-1", lambda draft: draft["metadata"].update(annotations={ANNOTATION: STOPPED}))
    write(nodes, "DiskPressure", "True")
    look_after(nodes.cluster)
    nodes.settle()
    assert condition_of(nodes.get(NODE, "node-1"), "DiskPressure") == ("True", "ByHand")
    assert taints(nodes) == {"node.kubernetes.io/disk-pressure"}


def test_conditions_and_resources_that_are_not_the_kubelets_stay(nodes: Stage) -> None:
    write(nodes, "KernelDeadlock", "True")
    nodes.change(NODE, "node-1", lambda draft: draft["status"]["capacity"].update({"example.com/gpu": "2", "cpu": "1"}))
    look_after(nodes.cluster)
    status = nodes.get(NODE, "node-1")["status"]
    assert condition_of(nodes.get(NODE, "node-1"), "KernelDeadlock") == ("True", "ByHand")
    assert (status["allocatable"]["example.com/gpu"], status["capacity"]["cpu"]) == ("2", "16")


def test_nothing_is_written_while_nothing_differs(nodes: Stage) -> None:
    before = nodes.get(NODE, "node-1")["metadata"]["resourceVersion"]
    look_after(nodes.cluster)
    assert nodes.get(NODE, "node-1")["metadata"]["resourceVersion"] == before


def test_a_deleted_node_does_not_come_back_by_itself(nodes: Stage) -> None:
    nodes.store.remove(NODE, "", "node-1")
    nodes.store.remove(LEASE, LEASES, "node-1")
    look_after(nodes.cluster)
    assert nodes.store.get(NODE, "", "node-1") is None
    nodes.settle()
    assert nodes.store.get(LEASE, LEASES, "node-1") is None
    assert nodes.said("RegisteredNode")[0] == "Node node-1 event: Registered Node node-1 in Controller"
    assert nodes.said("RemovingNode") == ["Node node-1 event: Removing Node node-1 from Controller"]


def test_a_node_of_a_kubelets_name_becomes_its_own(nodes: Stage) -> None:
    first = nodes.store.remove(NODE, "", "node-1")
    nodes.create(NODE, "node-1", metadata={"labels": {"disk": "ssd"}})
    nodes.settle()
    assert taints(nodes) == {"node.kubernetes.io/not-ready"}
    look_after(nodes.cluster)
    nodes.settle()
    again = nodes.get(NODE, "node-1")
    assert condition_of(again, "Ready") == ("True", "KubeletReady")
    assert again["metadata"]["labels"] == first["metadata"]["labels"] | {"disk": "ssd"}
    assert again["spec"] == first["spec"]
    assert not taints(nodes)


def test_a_node_that_no_kubelet_ever_spoke_for_takes_no_pods_and_is_given_up(nodes: Stage) -> None:
    nodes.add(Scheduler)
    nodes.create(NODE, "paper")
    selector = {"kubernetes.io/hostname": "paper"}
    nodes.change(NODE, "paper", lambda draft: draft["metadata"].update(labels=selector))
    body = pod_body()
    body["spec"] |= {"nodeSelector": selector, "tolerations": [{"operator": "Exists"}]}
    nodes.create(POD, "one", **body)
    nodes.settle()
    assert "nodeName" not in nodes.get(POD, "one")["spec"]
    nodes.advance(GRACE)
    assert condition_of(nodes.get(NODE, "paper"), "Ready") == ("Unknown", "NodeStatusNeverUpdated")
    assert taints(nodes, "paper") == {"node.kubernetes.io/unreachable"}
