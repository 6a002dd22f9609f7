"""Steps on the node that carries a component: cordon, drain, uncordon.

A node carries others too. So a drain looks at the system's own pods alone and evicts no others, evictions ask the
PodDisruptionBudgets, and only what this procedure cordoned is ever uncordoned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drillbook.drills.residue import ANY
from drillbook.drills.steps.ground import Changes, Ground, Way, component_of, seconds_of
from drillbook.errors import DrillAborted
from drillbook.faults.workloads import is_going, read_workload, workload_of
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Object, Permission

POLL_SECONDS: Final = 0.3
_LEFT_ALONE: Final = frozenset({"DaemonSet", "Node"})
"""Owners whose pods a drain leaves: a DaemonSet's would come back at once, a Node's are the kubelet's own files."""


async def cordon(ground: Ground, step: Entry) -> str:
    """No new pods on the node of the component's first pod."""
    node = await _node_of(ground, step)
    await _set(ground, node, unschedulable=True)
    return f"node {node} takes no new pods"


async def drain(ground: Ground, step: Entry) -> str:
    """Cordon, then evict every pod of the system that isn't a DaemonSet's, and wait until they are gone."""
    from drillbook.clients.kube import ApiRefusal, path_of

    node = await _node_of(ground, step)
    await _set(ground, node, unschedulable=True)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds_of(step)
    evicted: set[str] = set()
    why = "they are still ending"
    while left := await _evictable(ground, node):
        for pod in left:
            meta = pod["metadata"]
            if is_going(pod) or meta["uid"] in evicted:
                continue
            body = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
                "deleteOptions": {"preconditions": {"uid": meta["uid"]}},
            }
            try:
                await ground.kube.create(path_of("pods", meta["namespace"], meta["name"], "eviction"), body)
                evicted.add(meta["uid"])
            except ApiRefusal as refused:
                if refused.code not in {404, 409, 429}:
                    raise
                why = str(refused)
        if loop.time() >= deadline:
            names = ", ".join(pod["metadata"]["name"] for pod in left[:3])
            raise DrillAborted(f"expected node {node} to be empty, found {len(left)} pods ({names}): {why}")
        await asyncio.sleep(POLL_SECONDS)
    return f"node {node} is drained, {len(evicted)} pods of the system were evicted, those of others were left"


async def uncordon(ground: Ground, _step: Entry) -> str:
    """Pods may come back onto the nodes that this procedure cordoned."""
    nodes = tuple(ground.cordoned)
    if not nodes:
        raise DrillAborted("expected a node that this procedure cordoned, found none")
    for node in nodes:
        await _set(ground, node, unschedulable=False)
    return f"node {', '.join(nodes)} takes pods again"


async def _node_of(ground: Ground, step: Entry) -> str:
    component = ground.component(step)
    state = await read_workload(ground.kube, workload_of(component), component.namespace)
    nodes = sorted(str(pod["spec"]["nodeName"]) for pod in state.pods if pod["spec"].get("nodeName"))
    if ground.cordoned:
        return ground.cordoned[-1]
    if not nodes:
        raise DrillAborted(f"expected a pod of {state.workload} on a node, found none")
    return nodes[0]


async def _evictable(ground: Ground, node: str) -> list[Object]:
    """The system's pods on a node that a drain would evict; who else's there are takes a right in every namespace."""
    from drillbook.clients.kube import path_of

    found: list[Object] = []
    for namespace in ground.policy.namespaces:
        found += await ground.kube.list(path_of("pods", namespace), fields=f"spec.nodeName={node}")
    return [
        pod
        for pod in found
        if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
        and not any(owner["kind"] in _LEFT_ALONE for owner in pod["metadata"].get("ownerReferences") or ())
    ]


async def _set(ground: Ground, node: str, *, unschedulable: bool) -> None:
    """Written down before it is done: what is half done must be undone too."""
    from drillbook.clients.kube import path_of

    if unschedulable and node not in ground.cordoned:
        found = await ground.kube.get(path_of("nodes", name=node))
        if found["spec"].get("unschedulable"):
            raise DrillAborted(f"expected node {node} to take pods, found it cordoned already, by somebody else")
        ground.cordoned.append(node)
    await ground.kube.patch(path_of("nodes", name=node), {"spec": {"unschedulable": unschedulable or None}})
    if not unschedulable:
        ground.cordoned.remove(node)


def _needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    wanted = [Permission("get", "nodes"), Permission("patch", "nodes")]
    if step.type == "drain":
        wanted += [Permission("list", "pods", "", namespace) for namespace in policy.namespaces]
        wanted += [Permission("create", "pods/eviction", "", namespace) for namespace in policy.namespaces]
    if step.component is not None:
        wanted.append(Permission("list", "pods", "", component_of(policy, step).namespace))
    return tuple(wanted)


def _some_node(_policy: Policy, _step: Entry) -> Changes:
    """Of which node it will be, only the pods know when it is done."""
    return {("Node", "", ANY): ("spec.unschedulable",)}


WAYS: Final[Mapping[str, Way]] = {
    "cordon": Way(cordon, _needs, changes=_some_node),
    "drain": Way(drain, _needs, changes=_some_node),
    "uncordon": Way(uncordon, _needs),
}
