"""Nodes that fall silent: their status becomes Unknown, they are tainted, and their pods stop being Ready.

The rules are those of Kubernetes' node lifecycle controller; only the time that it waits is a setting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.heartbeats import LEASES, grace_seconds
from drillbook.sandbox.controllers.pods import condition, is_ready, with_condition
from drillbook.sandbox.kinds import LEASE, NODE, POD, Object
from drillbook.sandbox.store import Change, timestamp

COMPONENT: Final = "node-controller"
_POSTED: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_SILENT: Final = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
_NEVER_HEARD: Final = ("NodeStatusNeverUpdated", "Kubelet never posted node status.")
_PREFIX: Final = "node.kubernetes.io/"
_PRESSURES: Final = {
    "MemoryPressure": "memory-pressure",
    "DiskPressure": "disk-pressure",
    "PIDPressure": "pid-pressure",
}
_OURS: Final = frozenset(_PREFIX + name for name in ("not-ready", "unreachable", "unschedulable", *_PRESSURES.values()))


class NodeLifecycle(Controller):
    """Watches the Leases, and says with taints what a node's status means for pods."""

    name = "node-lifecycle"
    watches = (NODE, LEASE)

    def __init__(
        self, cluster: Cluster, grace: float | None = None, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """``grace``: seconds of silence that are borne; ``elapsed``: seconds on a clock that is never set."""
        super().__init__(cluster)
        self._grace = grace_seconds() if grace is None else grace
        self._elapsed = elapsed
        self._heard: dict[str, tuple[str, float]] = {}
        """By node: its newest heartbeat, and when it was first seen. A clock that is set back fools nobody."""
        self._known: dict[str, Object] = {}
        """By name, the nodes as they registered."""

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is NODE or change.namespace == LEASES:
            return [("", change.name)]
        return []

    async def reconcile(self, key: Key) -> None:
        name = key[1]
        node = self.store.get(NODE, "", name)
        if node is None:
            self._forget(name)
            return
        if name not in self._known:
            self._known[name] = node
            said = f"Node {name} event: Registered Node {name} in Controller"
            self.cluster.events.normal(node, COMPONENT, "RegisteredNode", said)
        left = self._grace - self._silent_for(name)
        if left > 0:
            self.queue.add_after(key, left)
        elif (condition(node, "Ready") or {}).get("status") != "Unknown":
            node = self._give_up(node)
        self._taint(node)

    def _forget(self, name: str) -> None:
        self._heard.pop(name, None)
        if gone := self._known.pop(name, None):
            said = f"Node {name} event: Removing Node {name} from Controller"
            self.cluster.events.normal(gone, COMPONENT, "RemovingNode", said)

    def _silent_for(self, name: str) -> float:
        """Seconds since the last heartbeat was seen for the first time."""
        lease = self.store.get(LEASE, LEASES, name) or {}
        beat = str((lease.get("spec") or {}).get("renewTime", ""))
        if name not in self._heard or self._heard[name][0] != beat:
            self._heard[name] = (beat, self._elapsed())
        return self._elapsed() - self._heard[name][1]

    def _give_up(self, node: Object) -> Object:
        def forget(draft: Object) -> None:
            conditions = draft["status"].get("conditions") or []
            for type_ in _POSTED:
                seen = condition(draft, type_) or {}
                last = {"lastHeartbeatTime": seen["lastHeartbeatTime"]} if "lastHeartbeatTime" in seen else {}
                reason, message = _SILENT if seen else _NEVER_HEARD
                conditions = with_condition(conditions, type_, "Unknown", reason, message, **last)
            draft["status"]["conditions"] = conditions

        name = node["metadata"]["name"]
        lost = self.store.mutate(NODE, "", name, forget)
        self.cluster.events.normal(lost, COMPONENT, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        self._unready_pods(name)
        return lost

    def _unready_pods(self, node: str) -> None:
        """Once, when the node is given up: from then on its kubelet, if it comes back, knows better."""
        for pod in self.store.list(POD):
            if pod["spec"].get("nodeName") == node and is_ready(pod):
                self.store.mutate(POD, *own_key(pod), _unready)
                self.cluster.events.warning(pod, COMPONENT, "NodeNotReady", "Node is not ready")

    def _taint(self, node: Object) -> None:
        """The node's taints of ours as they should be; those that were there keep their time."""
        old = node["spec"].get("taints") or []
        wanted = _wanted(node)
        kept = [t for t in old if t["key"] not in _OURS or (t["key"], t["effect"]) in wanted]
        there = {(t["key"], t["effect"]) for t in kept}
        new = [{"key": key, "effect": effect, "timeAdded": timestamp()} for key, effect in wanted - there]
        if kept == old and not new:
            return

        def write(draft: Object) -> None:
            draft["spec"]["taints"] = [*kept, *sorted(new, key=lambda taint: (taint["key"], taint["effect"]))]
            if not draft["spec"]["taints"]:
                del draft["spec"]["taints"]

        self.store.mutate(NODE, "", node["metadata"]["name"], write)


def _wanted(node: Object) -> set[tuple[str, str]]:
    """Keys and effects of the taints that follow from a node's status and cordon."""
    wanted = set()
    status = {c["type"]: c["status"] for c in (node.get("status") or {}).get("conditions") or ()}
    if "Ready" not in status:  # no kubelet has spoken for it yet
        wanted.add((f"{_PREFIX}not-ready", "NoSchedule"))
    elif status["Ready"] != "True":
        key = _PREFIX + ("not-ready" if status["Ready"] == "False" else "unreachable")
        wanted |= {(key, "NoSchedule"), (key, "NoExecute")}
    if node["spec"].get("unschedulable"):
        wanted.add((f"{_PREFIX}unschedulable", "NoSchedule"))
    return wanted | {
        (_PREFIX + name, "NoSchedule") for type_, name in _PRESSURES.items() if status.get(type_) == "True"
    }


def _unready(pod: Object) -> None:
    conditions = pod["status"].get("conditions") or []
    pod["status"]["conditions"] = with_condition(conditions, "Ready", "False")
