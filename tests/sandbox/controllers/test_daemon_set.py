"""DaemonSets: which nodes get a pod, and how a new template goes round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandbox.api.validation.affinity import REQUIRED
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.daemon_set import DaemonSets
from drillbook.sandbox.controllers.node_affinity import pinned_to
from drillbook.sandbox.controllers.nodes import register
from drillbook.sandbox.controllers.pods import condition, is_terminating, with_condition
from drillbook.sandbox.controllers.scheduler import Scheduler
from drillbook.sandbox.kinds import DAEMON_SET, NODE, POD, Object
from tests.sandbox.controllers.stage import Stage, container, staged


@pytest.fixture
def nodes(authority: Authority) -> Iterator[Stage]:
    """Three nodes, the controller, and the scheduler that it counts on."""
    with staged(authority, DaemonSets, Scheduler) as stage:
        register(stage.cluster)
        yield stage


def daemon(stage: Stage, spec: Object | None = None, **more: Any) -> None:
    template = {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [container()]} | (spec or {})}
    stage.create(DAEMON_SET, "agent", spec={"selector": {"matchLabels": {"app": "agent"}}, "template": template} | more)
    stage.settle()


def places(stage: Stage) -> list[str]:
    return sorted(pod["spec"].get("nodeName", "") for pod in stage.pods() if not is_terminating(pod))


def all_ready(stage: Stage) -> None:
    for pod in stage.pods():
        stage.change(
            POD,
            pod["metadata"]["name"],
            lambda draft: draft["status"].update(phase="Running", conditions=with_condition((), "Ready", "True")),
        )
    stage.settle()


def status(stage: Stage) -> Object:
    return dict(stage.get(DAEMON_SET, "agent")["status"])


def test_each_node_gets_one_pod(nodes: Stage) -> None:
    daemon(nodes)
    assert places(nodes) == ["node-1", "node-2", "node-3"]
    all_ready(nodes)
    told = status(nodes)
    assert (told["desiredNumberScheduled"], told["numberReady"], told["numberAvailable"]) == (3, 3, 3)
    assert (told["updatedNumberScheduled"], told["numberMisscheduled"]) == (3, 0)
    assert "numberUnavailable" not in told


def test_a_pod_that_is_gone_comes_back_on_its_node(nodes: Stage) -> None:
    daemon(nodes)
    nodes.kill(nodes.pods()[0])
    nodes.settle()
    assert places(nodes) == ["node-1", "node-2", "node-3"]


def test_a_node_selector_chooses(nodes: Stage) -> None:
    daemon(nodes, {"nodeSelector": {"kubernetes.io/hostname": "node-2"}})
    assert places(nodes) == ["node-2"]
    assert status(nodes)["desiredNumberScheduled"] == 1


def test_a_cordon_does_not_keep_a_daemon_off_and_a_taint_does(nodes: Stage) -> None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    nodes.change(NODE, "node-1", lambda draft: draft["spec"].update(unschedulable=True, taints=[taint]))
    own = {"key": "gpu", "effect": "NoSchedule"}
    nodes.change(NODE, "node-2", lambda draft: draft["spec"].update(taints=[own]))
    daemon(nodes)
    assert places(nodes) == ["node-1", "node-3"]
    nodes.change(NODE, "node-2", lambda draft: draft["spec"].pop("taints"))
    nodes.settle()
    assert places(nodes) == ["node-1", "node-2", "node-3"]


def test_a_node_without_room_keeps_its_daemon_waiting_and_it_counts_as_wanted(nodes: Stage) -> None:
    greedy = nodes.create(POD, "greedy", spec={"containers": [container(requests={"cpu": "15"})]})
    nodes.run(greedy)
    daemon(nodes, {"containers": [container(requests={"cpu": "2"})]})
    assert [pod["spec"].get("nodeName") for pod in nodes.pods() if pod is not greedy].count(None) == 1
    (waits,) = [pod for pod in nodes.pods() if not pod["spec"].get("nodeName")]
    assert (condition(waits, "PodScheduled") or {})["message"] == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    )
    assert (status(nodes)["desiredNumberScheduled"], status(nodes)["currentNumberScheduled"]) == (3, 3)
    nodes.kill(greedy)
    nodes.settle()
    assert places(nodes) == ["node-1", "node-2", "node-3"]


def test_the_templates_own_affinity_chooses_nodes(nodes: Stage) -> None:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["node-2"]}]}
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}
    daemon(nodes, {"affinity": affinity})
    assert places(nodes) == ["node-1", "node-3"]


def test_what_waits_for_a_node_that_is_gone_goes_too(nodes: Stage) -> None:
    daemon(nodes, {"containers": [container(requests={"cpu": "1k"})]})
    assert len(nodes.pods()) == 3
    nodes.store.remove(NODE, "", "node-2")
    nodes.settle()
    assert {pinned_to(pod["spec"]) for pod in nodes.pods()} == {"node-1", "node-3"}


def test_a_new_template_goes_round_node_by_node(nodes: Stage) -> None:
    daemon(nodes)
    all_ready(nodes)
    fresh = [container() | {"image": "busybox:2"}]
    nodes.change(DAEMON_SET, "agent", lambda draft: draft["spec"]["template"]["spec"].update(containers=fresh))
    nodes.settle()
    for round_ in range(3):
        (going,) = [pod for pod in nodes.pods() if is_terminating(pod)]
        nodes.kill(going)
        nodes.settle()
        assert status(nodes)["updatedNumberScheduled"] == round_ + 1
        all_ready(nodes)
    assert {pod["spec"]["containers"][0]["image"] for pod in nodes.pods()} == {"busybox:2"}
    assert status(nodes)["numberAvailable"] == 3


def test_on_delete_waits_for_somebody_to_delete(nodes: Stage) -> None:
    daemon(nodes, updateStrategy={"type": "OnDelete"})
    all_ready(nodes)
    nodes.change(DAEMON_SET, "agent", lambda draft: draft["spec"]["template"]["metadata"]["labels"].update(v="2"))
    nodes.settle()
    assert not [pod for pod in nodes.pods() if is_terminating(pod)]
    assert "updatedNumberScheduled" not in status(nodes)
