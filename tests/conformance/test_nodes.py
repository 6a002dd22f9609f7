"""Nodes: what pods may ask of them, who keeps their status, and pods whose node isn't there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.cluster import Cluster, fields, refused
from tests.conformance.looks import condition, running
from tests.conformance.objects import Object, pod

NO_NODE = "conformance-no-such-node"
TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"


def requires(**term: Any) -> Object:
    terms = {"nodeSelectorTerms": [term] if term else []}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def asks(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def test_a_pod_that_requires_what_no_node_has_waits_and_says_why(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    wanted = requires(matchExpressions=[asks("conformance.drillbook.dev/no-node", "Exists")])
    core.create_namespaced_pod(space, pod(shell, affinity=wanted))

    def unschedulable() -> Any:
        found = condition(core.read_namespaced_pod("one", space), "PodScheduled")
        return found and found.reason == "Unschedulable" and found

    assert "didn't match Pod's node affinity/selector" in cluster.eventually(unschedulable).message


def test_a_pod_runs_on_the_node_that_it_requires(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    somewhere = running(cluster, core, space).spec.node_name
    named = requires(matchFields=[asks("metadata.name", "In", somewhere)])
    host = core.read_node(somewhere).metadata.labels["kubernetes.io/hostname"]
    labelled = requires(matchExpressions=[asks("kubernetes.io/hostname", "In", host)])
    for name, affinity in (("named", named), ("labelled", labelled)):
        core.create_namespaced_pod(space, pod(shell, name=name, affinity=affinity))
        assert running(cluster, core, space, name).spec.node_name == somewhere


def test_a_pod_avoids_the_node_that_it_excludes(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    somewhere = running(cluster, core, space).spec.node_name
    others = requires(matchFields=[asks("metadata.name", "NotIn", somewhere)])
    core.create_namespaced_pod(space, pod(shell, name="away", affinity=others))

    def placed() -> Any:  # on another node, or where there is only one that takes pods, on none
        found = core.read_namespaced_pod("away", space)
        said = condition(found, "PodScheduled")
        return said and (found.spec.node_name or said.reason)

    assert cluster.eventually(placed) != somewhere


@pytest.mark.parametrize(
    ("term", "field"),
    [
        ({}, TERMS),
        ({"matchExpressions": [asks("zone", "Near", "a")]}, f"{TERMS}[0].matchExpressions[0].operator"),
        ({"matchExpressions": [asks("zone", "In")]}, f"{TERMS}[0].matchExpressions[0].values"),
        ({"matchExpressions": [asks("zone", "Exists", "a")]}, f"{TERMS}[0].matchExpressions[0].values"),
        ({"matchExpressions": [asks("zone", "Gt", "1", "2")]}, f"{TERMS}[0].matchExpressions[0].values"),
        ({"matchFields": [asks("metadata.uid", "In", "a")]}, f"{TERMS}[0].matchFields[0].key"),
    ],
    ids=["no term", "operator", "no values", "values too many", "no single value", "another field"],
)
def test_a_requirement_that_cannot_be_understood_is_refused_with_its_field(
    core: Any, shell: str, space: str, term: Object, field: str
) -> None:
    code, status = refused(lambda: core.create_namespaced_pod(space, pod(shell, affinity=requires(**term))))
    assert code == 422
    assert field in fields(status)


def test_the_log_of_a_pod_whose_node_is_not_there_is_not_found(core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell, nodeName=NO_NODE))
    code, status = refused(lambda: core.read_namespaced_pod_log("one", space))
    assert (code, status["message"]) == (404, f'nodes "{NO_NODE}" not found')
    core.delete_namespaced_pod("one", space, grace_period_seconds=0)


@pytest.mark.slow
def test_a_condition_that_somebody_writes_is_put_right_by_the_kubelet(
    cluster: Cluster, core: Any, spare_node: str | None
) -> None:
    if spare_node is None:
        cluster.not_applicable("no node's status may be written; name one with --spare-node")
    wrong = {"status": {"conditions": [{"type": "PIDPressure", "status": "True", "reason": "Conformance"}]}}
    changed = ("patch", "node", spare_node, "--subresource=status", "-p", json.dumps(wrong), "-o", "json")
    written = json.loads(cluster.kubectl(*changed).ok())["status"]["conditions"]
    assert {c["status"] for c in written if c["type"] == "PIDPressure"} == {"True"}

    def right() -> Any:
        found = condition(core.read_node(spare_node), "PIDPressure")
        return found.status == "False" and found

    assert cluster.eventually(right).reason == "KubeletHasSufficientPID"
    cluster.eventually(
        lambda: not [t for t in core.read_node(spare_node).spec.taints or [] if t.key.endswith("pid-pressure")]
    )
