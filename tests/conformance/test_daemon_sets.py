"""DaemonSets: a pod for each node that they are for, bound by the scheduler."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import condition
from tests.conformance.objects import template

NOWHERE = {"conformance.drillbook.dev/no-node": "has-this"}


def daemon(cluster: Cluster, space: str, *, selector: dict[str, str] | None = None, **container: Any) -> None:
    made = template(cluster.images.shell, app="agent", **container)
    made["spec"] |= {"nodeSelector": selector} if selector else {}
    body = {"metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": made}}
    answer = cluster.request("POST", f"/apis/apps/v1/namespaces/{space}/daemonsets", body)
    assert answer.code == 201, answer.body


def settled(cluster: Cluster, apps: Any, space: str) -> Any:
    """The DaemonSet, once every node that wants its pod has one that is ready."""

    def look() -> Any:
        found = apps.read_namespaced_daemon_set("agent", space)
        status = found.status
        seen = status.observed_generation == found.metadata.generation and status.desired_number_scheduled
        return seen and status.number_available == status.updated_number_scheduled == seen and found

    return cluster.eventually(look)


def own_node(pod: Any) -> str:
    """The node that the pod was made for."""
    affinity = pod.spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
    (term,) = affinity.node_selector_terms
    (field,) = term.match_fields
    assert (field.key, field.operator, len(field.values)) == ("metadata.name", "In", 1)
    return str(field.values[0])


def scheduled(cluster: Cluster, core: Any, space: str, pod: Any) -> str:
    """What the scheduler said when it bound the pod."""
    selector = f"involvedObject.uid={pod.metadata.uid},reason=Scheduled"
    (said,) = cluster.eventually(lambda: core.list_namespaced_event(space, field_selector=selector).items)
    return str(said.message)


def test_a_daemon_set_has_one_pod_on_each_node_that_it_is_for(
    cluster: Cluster, core: Any, apps: Any, space: str
) -> None:
    daemon(cluster, space)
    wanted = settled(cluster, apps, space).status.desired_number_scheduled
    pods = core.list_namespaced_pod(space).items
    assert len({pod.spec.node_name for pod in pods}) == len(pods) == wanted
    assert {pod.spec.node_name for pod in pods} <= {node.metadata.name for node in core.list_node().items}


def test_its_pods_are_made_for_a_node_and_bound_by_the_scheduler(
    cluster: Cluster, core: Any, apps: Any, space: str
) -> None:
    daemon(cluster, space)
    settled(cluster, apps, space)
    for pod in core.list_namespaced_pod(space).items:
        assert own_node(pod) == pod.spec.node_name
        said = scheduled(cluster, core, space, pod)
        assert said == f"Successfully assigned {space}/{pod.metadata.name} to {pod.spec.node_name}"


def test_its_pods_bear_a_cordon_and_a_node_in_trouble(cluster: Cluster, core: Any, apps: Any, space: str) -> None:
    daemon(cluster, space)
    settled(cluster, apps, space)
    borne = {
        (t.key.removeprefix("node.kubernetes.io/"), t.effect, t.toleration_seconds)
        for t in core.list_namespaced_pod(space).items[0].spec.tolerations
        if t.operator == "Exists"
    }
    assert {("unschedulable", "NoSchedule", None), ("disk-pressure", "NoSchedule", None)} <= borne
    assert {("not-ready", "NoExecute", None), ("unreachable", "NoExecute", None)} <= borne


def test_a_pod_for_which_its_node_has_no_room_waits_and_says_so(
    cluster: Cluster, core: Any, apps: Any, space: str
) -> None:
    daemon(cluster, space, resources={"requests": {"cpu": "1k"}})

    def waiting() -> Any:
        pods = core.list_namespaced_pod(space).items
        found = [condition(pod, "PodScheduled") for pod in pods]
        return pods and all(one and one.reason == "Unschedulable" for one in found) and found

    assert all("Insufficient cpu" in one.message for one in cluster.eventually(waiting))
    status = cluster.eventually(
        lambda: (s := apps.read_namespaced_daemon_set("agent", space).status).desired_number_scheduled and s
    )
    pods = core.list_namespaced_pod(space).items
    assert len({own_node(pod) for pod in pods}) == len(pods) == status.desired_number_scheduled
    assert (status.number_ready, status.number_available) == (0, None)


def test_where_no_node_is_chosen_nothing_is_wanted(cluster: Cluster, core: Any, apps: Any, space: str) -> None:
    daemon(cluster, space, selector=NOWHERE)

    def seen() -> Any:
        found = apps.read_namespaced_daemon_set("agent", space)
        return found.status.observed_generation == found.metadata.generation and found

    assert cluster.eventually(seen).status.desired_number_scheduled == 0
    assert core.list_namespaced_pod(space).items == []


@pytest.mark.slow
def test_a_deleted_pod_comes_back_on_its_node_under_another_name(
    cluster: Cluster, core: Any, apps: Any, space: str
) -> None:
    daemon(cluster, space)
    settled(cluster, apps, space)
    gone, *_ = core.list_namespaced_pod(space).items
    core.delete_namespaced_pod(gone.metadata.name, space, grace_period_seconds=0)

    def back() -> Any:
        pods = core.list_namespaced_pod(space).items
        return [p for p in pods if p.metadata.uid != gone.metadata.uid and p.spec.node_name == gone.spec.node_name]

    (successor,) = cluster.eventually(back)
    assert successor.metadata.name != gone.metadata.name


@pytest.mark.slow
def test_a_new_template_goes_round_all_nodes_and_is_followed_to_its_end(
    cluster: Cluster, core: Any, apps: Any, space: str
) -> None:
    daemon(cluster, space)
    settled(cluster, apps, space)
    cluster.kubectl("-n", space, "set", "env", "daemonset/agent", "VERSION=2").ok()
    said = cluster.kubectl("-n", space, "rollout", "status", "daemonset/agent", "--timeout=50s").ok()
    assert "successfully rolled out" in said
    settled(cluster, apps, space)
    pods = [p for p in core.list_namespaced_pod(space).items if p.metadata.deletion_timestamp is None]
    assert all(p.spec.containers[0].env[0].value == "2" for p in pods)
