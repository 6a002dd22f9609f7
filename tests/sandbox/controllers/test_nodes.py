"""Nodes that fall silent or are tainted, and what becomes of their pods."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.errors import ConfigError
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers import heartbeats
from drillbook.sandbox.controllers.endpoints import EndpointsOfServices
from drillbook.sandbox.controllers.node_lifecycle import NodeLifecycle
from drillbook.sandbox.controllers.nodes import register
from drillbook.sandbox.controllers.taint_eviction import TaintEviction, seconds_borne
from drillbook.sandbox.kinds import ENDPOINTS, LEASE, NODE, POD, SERVICE, Object
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of, pod_body, staged

GRACE = 40.0
UNREACHABLE = "node.kubernetes.io/unreachable"


@pytest.fixture
def nodes(authority: Authority) -> Iterator[Stage]:
    """Three nodes that have spoken once, and the controllers that look after them."""
    with staged(authority) as stage:
        register(stage.cluster)
        stage.add(lambda cluster: NodeLifecycle(cluster, GRACE, lambda: stage.clock.elapsed))
        stage.add(lambda cluster: TaintEviction(cluster, lambda: stage.clock.elapsed))
        stage.add(EndpointsOfServices)
        for name in ("node-1", "node-2", "node-3"):
            beat(stage, name)
        stage.settle()
        yield stage


def beat(stage: Stage, name: str) -> None:
    """A heartbeat."""
    renewed = {"renewTime": f"{stage.now()[:-1]}.{int(stage.clock.elapsed * 1000) % 1000:03d}000Z"}
    if stage.store.get(LEASE, heartbeats.LEASES, name) is None:
        stage.create(LEASE, name, metadata={"namespace": heartbeats.LEASES}, spec=renewed)
    else:
        stage.store.mutate(LEASE, heartbeats.LEASES, name, lambda draft: draft["spec"].update(renewed))


def ready(stage: Stage, name: str, **spec: object) -> Object:
    """A pod that runs on node-1 and is Ready."""
    body = pod_body({"app": "web"})
    body["spec"] |= spec
    pod = stage.create(POD, name, **body)
    stage.run(pod)
    stage.change(POD, name, lambda draft: draft["status"].update(podIP="127.99.1.2"))
    stage.settle()
    return pod


def taints(stage: Stage, name: str = "node-1") -> set[tuple[str, str]]:
    return {(t["key"], t["effect"]) for t in stage.get(NODE, name)["spec"].get("taints") or ()}


def taint(stage: Stage, key: str, effect: str = "NoExecute") -> None:
    """As ``kubectl taint`` does it."""
    stage.change(NODE, "node-1", lambda draft: draft["spec"].update(taints=[{"key": key, "effect": effect}]))
    stage.settle()


def going(stage: Stage, name: str) -> bool:
    """Whether the pod is marked deleted, and as what."""
    pod = stage.get(POD, name)
    marked = "deletionTimestamp" in pod["metadata"]
    assert marked == (condition_of(pod, "DisruptionTarget") == ("True", "DeletionByTaintManager"))
    return marked


def test_a_node_that_speaks_stays_ready(nodes: Stage) -> None:
    for _ in range(12):
        nodes.advance(GRACE / 4)
        for name in ("node-1", "node-2", "node-3"):
            beat(nodes, name)
    assert condition_of(nodes.get(NODE, "node-1"), "Ready") == ("True", "KubeletReady")
    assert not taints(nodes)


def test_a_silent_node_becomes_unknown_when_its_grace_is_over(nodes: Stage) -> None:
    nodes.advance(GRACE - 1)
    assert condition_of(nodes.get(NODE, "node-1"), "Ready") == ("True", "KubeletReady")
    beat(nodes, "node-2")
    nodes.advance(1)
    for type_ in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure"):
        assert condition_of(nodes.get(NODE, "node-1"), type_) == ("Unknown", "NodeStatusUnknown")
    assert condition_of(nodes.get(NODE, "node-2"), "Ready") == ("True", "KubeletReady")
    assert taints(nodes) == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
    assert nodes.said("NodeNotReady")[0] == "Node node-1 status is now: NodeNotReady"


def test_the_pods_of_a_silent_node_are_not_ready_and_leave_the_endpoints(nodes: Stage) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 80}]}
    nodes.create(SERVICE, "web", spec=spec)
    ready(nodes, "one")
    assert nodes.get(ENDPOINTS, "web")["subsets"][0]["addresses"]
    nodes.advance(GRACE)
    assert condition_of(nodes.get(POD, "one"), "Ready") == ("False", "")
    (subset,) = nodes.get(ENDPOINTS, "web")["subsets"]
    assert ("addresses" in subset, len(subset["notReadyAddresses"])) == (False, 1)


def test_pods_of_a_silent_node_go_five_minutes_later(nodes: Stage) -> None:
    ready(nodes, "one")
    nodes.advance(GRACE + 299)
    assert not going(nodes, "one")
    nodes.advance(1)
    assert going(nodes, "one")
    assert nodes.said("TaintManagerEviction") == [f"Marking for deletion Pod {NAMESPACE}/one"]


def test_a_node_that_comes_back_in_time_keeps_its_pods(nodes: Stage) -> None:
    ready(nodes, "one")
    nodes.advance(GRACE + 200)
    beat(nodes, "node-1")
    nodes.change(NODE, "node-1", lambda draft: draft["status"]["conditions"][-1].update(status="True"))
    nodes.settle()
    assert not taints(nodes)
    for _ in range(40):
        nodes.advance(GRACE / 4)
        beat(nodes, "node-1")
    assert not going(nodes, "one")


def test_a_second_silence_counts_from_its_own_beginning(nodes: Stage) -> None:
    ready(nodes, "one")
    taint(nodes, UNREACHABLE)
    nodes.advance(20)
    nodes.change(NODE, "node-1", lambda draft: draft["spec"].pop("taints", None))
    for _ in range(60):
        nodes.advance(GRACE / 8)
        beat(nodes, "node-1")
    nodes.advance(GRACE + 299)
    assert not going(nodes, "one")


def test_a_taint_that_nobody_tolerates_puts_pods_out_at_once(nodes: Stage) -> None:
    ready(nodes, "one")
    taint(nodes, "maintenance", "NoSchedule")
    assert not going(nodes, "one")
    taint(nodes, "maintenance")
    assert going(nodes, "one")


def test_a_cordon_shows_as_a_taint_and_puts_nobody_out(nodes: Stage) -> None:
    ready(nodes, "one")
    nodes.change(NODE, "node-1", lambda draft: draft["spec"].update(unschedulable=True))
    nodes.settle()
    assert taints(nodes) == {("node.kubernetes.io/unschedulable", "NoSchedule")}
    nodes.change(NODE, "node-1", lambda draft: draft["spec"].pop("unschedulable"))
    nodes.settle()
    assert not taints(nodes)
    assert not going(nodes, "one")


def test_a_condition_set_by_hand_taints_as_not_ready(nodes: Stage) -> None:
    nodes.change(NODE, "node-1", lambda draft: draft["status"]["conditions"][-1].update(status="False"))
    nodes.settle()
    key = "node.kubernetes.io/not-ready"
    assert taints(nodes) == {(key, "NoSchedule"), (key, "NoExecute")}


@pytest.mark.parametrize(
    ("tolerations", "borne"),
    [
        ([], 0.0),
        ([{"key": "a", "operator": "Exists"}], 0.0),
        ([{"operator": "Exists"}], None),
        ([{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 7}], 7.0),
        ([{"operator": "Exists", "effect": "NoSchedule"}], 0.0),
        ([{"key": "a", "operator": "Exists", "tolerationSeconds": 9}, {"key": "b", "value": "x"}], 9.0),
        ([{"key": "a", "operator": "Exists"}, {"key": "b", "value": "y"}], 0.0),
        ([{"operator": "Exists", "tolerationSeconds": -5}], 0.0),
    ],
)
def test_the_shortest_toleration_that_answers_decides(tolerations: list[Object], borne: float | None) -> None:
    both = [{"key": "a", "effect": "NoExecute"}, {"key": "b", "value": "x", "effect": "NoExecute"}]
    assert seconds_borne({"tolerations": tolerations}, both) == borne


def test_no_taint_is_borne_for_ever() -> None:
    assert seconds_borne({}, []) is None


def test_the_grace_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(heartbeats.VARIABLE, "40s")
    assert (heartbeats.grace_seconds(), heartbeats.heartbeat_seconds()) == (40.0, 10.0)
    monkeypatch.setenv(heartbeats.VARIABLE, "soon")
    with pytest.raises(ConfigError, match=r"expected seconds from 1 on, such as 40, found 'soon'"):
        heartbeats.grace_seconds()
