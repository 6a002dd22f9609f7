"""A node is drained as for its maintenance: no new pods, and those of the system evicted, within their budgets.

Only pods of the component's own namespace are evicted; what else runs on the node stays there, and nothing new comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.objects import find_exactly, patch_exactly, target_of
from drillbook.faults.replicas import replicas_back, replicas_now
from drillbook.faults.settings import Setting
from drillbook.faults.workloads import PLURALS, read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects

RETRY_SECONDS: Final = 0.5


class NodeDrain(Fault):
    """Cordons nodes and evicts."""

    name = "node-drain"
    about = "A node is drained: cordoned, and the system's pods on it evicted."
    settings: ClassVar = {
        "seconds": Setting(
            120, "how long an eviction may be refused by a budget before the drain ends", low=1, high=900
        )
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace, plural = aim.component.namespace, PLURALS[workload_of(aim.component).kind]
        nodes = tuple(Permission(verb, "nodes") for verb in ("get", "list", "patch"))
        look = (Permission("get", plural, "apps", namespace), Permission("list", "pods", "", namespace))
        evict, scale = (
            Permission("create", "pods/eviction", "", namespace),
            Permission("patch", plural, "apps", namespace),
        )
        return Needs((*nodes, *look, evict), (*nodes, *look, scale))

    async def how(self, kube: Kube, aim: Aim) -> str:
        names = [candidate.target.name for candidate in await self.candidates(kube, aim)]
        return (
            f"a node of {', '.join(names) or 'none'} is cordoned, and the pods of namespace {aim.component.namespace} "
            "on it are evicted through the Kubernetes API; pods of other namespaces stay"
        )

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        from drillbook.clients.kube import path_of

        state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
        used = {pod["spec"].get("nodeName") for pod in state.pods}
        found: list[Candidate] = []
        for node in await kube.list(path_of("nodes")):
            name = node["metadata"]["name"]
            if name in used:
                why = "takes no new pods already" if node["spec"].get("unschedulable") else ""
                count = sum(pod["spec"].get("nodeName") == name for pod in state.pods)
                found.append(Candidate(target_of("Node", node), why, pods=count))
        return tuple(found)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        namespace = aim.component.namespace
        candidates = [c.target for c in await self.candidates(kube, aim) if not c.why_not]
        pods = {t.name: [p["metadata"]["uid"] for p in await _evictable(kube, namespace, t.name)] for t in candidates}
        return {
            **await replicas_now(kube, aim.component),
            # Every node that took new pods: one that was cordoned before stays as somebody wanted it.
            "nodes": {target.name: target.uid for target in candidates},
            "pods": pods,
        }

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        namespace = aim.component.namespace
        for target in targets:
            await patch_exactly(kube, target, {"spec": {"unschedulable": True}})
            pods = await _evictable(kube, namespace, target.name)
            await asyncio.gather(*(_evict(kube, pod, float(aim.settings["seconds"])) for pod in pods))
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        evidence: dict[str, Any] = {}
        done = bool(targets)
        for target in targets:
            node = await find_exactly(kube, target)
            there = {p["metadata"]["uid"] for p in await _evictable(kube, aim.component.namespace, target.name)}
            left = there & set(before["pods"].get(target.name, ()))
            cordoned = bool(node and node["spec"].get("unschedulable"))
            evidence[target.name] = {"cordoned": cordoned, "old pods left": len(left)}
            done = done and cordoned and not left
        return Landing(done, evidence)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        opened = await open_again(kube, put_back["nodes"])
        told = f"{', '.join(opened)} takes new pods again" if opened else "every node takes new pods"
        return f"{told}, {await replicas_back(kube, put_back, seconds)}"


async def open_again(kube: Kube, nodes: Mapping[str, str]) -> list[str]:
    """Let new pods onto those of ``nodes`` (UIDs by name) that take none; their names. Safe twice."""
    opened: list[str] = []
    for name, uid in nodes.items():
        target = Target("Node", "", name, uid)
        node = await find_exactly(kube, target)
        # A node that was taken out of the cluster meanwhile has nothing to be put back.
        if node is not None and node["spec"].get("unschedulable"):
            await patch_exactly(kube, target, {"spec": {"unschedulable": None}})
            opened.append(name)
    return opened


async def _evictable(kube: Kube, namespace: str, node: str) -> Objects:
    """The system's pods on a node that a drain evicts: no DaemonSet's, no static ones, none that has ended."""
    from drillbook.clients.kube import path_of

    pods = await kube.list(path_of("pods", namespace), fields=f"spec.nodeName={node}")
    return [pod for pod in pods if not _stays(pod)]


def _stays(pod: Object) -> bool:
    meta = pod["metadata"]
    owners = [owner["kind"] for owner in meta.get("ownerReferences") or () if owner.get("controller")]
    mirror = "kubernetes.io/config.mirror" in (meta.get("annotations") or {})
    ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return mirror or ended or "DaemonSet" in owners


async def _evict(kube: Kube, pod: Object, seconds: float) -> None:
    """Evict that very pod; a budget that refuses (429) is asked again, as kubectl does. Raises DrillAborted."""
    from drillbook.clients.kube import ApiRefusal, path_of

    meta, loop = pod["metadata"], asyncio.get_running_loop()
    body: Object = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "deleteOptions": {"preconditions": {"uid": meta["uid"]}},
    }
    deadline = loop.time() + seconds
    while True:
        try:
            await kube.create(path_of("pods", meta["namespace"], meta["name"], "eviction"), body)
        except ApiRefusal as refused:
            if refused.code in {404, 409}:
                return
            if refused.code != 429:
                raise
            if loop.time() > deadline:
                raise DrillAborted(
                    f"pod {meta['name']} could not be evicted within {seconds:g} s: {refused}"
                ) from refused
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
