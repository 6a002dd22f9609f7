"""DaemonSet: one pod for each node that it is for, replaced node by node when the template changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from drillbook.sandbox.controllers import stateful_revisions
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, own_key, owner_key
from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.node_affinity import chooses, pin, pinned_to
from drillbook.sandbox.controllers.pods import (
    delete,
    is_available,
    is_finished,
    is_ready,
    is_terminating,
    new_pod,
    owned_pods,
    random_suffix,
    ready_for,
)
from drillbook.sandbox.controllers.stateful_revisions import REVISION_LABEL
from drillbook.sandbox.controllers.tolerations import tolerates
from drillbook.sandbox.kinds import DAEMON_SET, NODE, POD, Object
from drillbook.sandbox.store import Change

COMPONENT: Final = "daemonset-controller"
_PREFIX: Final = "node.kubernetes.io/"
_BORNE: Final = (
    *((name, "NoExecute") for name in ("not-ready", "unreachable")),
    *((name, "NoSchedule") for name in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")),
)
"""What a daemon's pods tolerate whatever they say: they stay on a node that is in trouble."""


class DaemonSets(Controller):
    """Looks at every node; each pod is made for one of them, and the scheduler binds it there once there is room."""

    name = "daemonset"
    watches = (DAEMON_SET, POD, NODE)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is DAEMON_SET:
            return [own_key(change.object)]
        if change.kind is POD:
            return owner_key(change.object, DAEMON_SET)
        return [own_key(found) for found in self.store.list(DAEMON_SET)]

    async def reconcile(self, key: Key) -> None:
        daemon_set = self.store.get(DAEMON_SET, *key)
        if daemon_set is None:
            return
        update = stateful_revisions.keep(self.store, daemon_set).update
        if not is_terminating(daemon_set):
            self._place(daemon_set, update)
            self._update(daemon_set, update)
        self._tell_status(key, update)

    def _pods(self, daemon_set: Object) -> dict[str, list[Object]]:
        """By the node that they are for."""
        found: dict[str, list[Object]] = {}
        for pod in owned_pods(self.store, daemon_set):
            found.setdefault(pod["spec"].get("nodeName") or pinned_to(pod["spec"]) or "", []).append(pod)
        return found

    def _place(self, daemon_set: Object, update: str) -> None:
        pods, spec = self._pods(daemon_set), pod_spec(daemon_set)
        nodes = {node["metadata"]["name"]: node for node in self.store.list(NODE)}
        for name, node in nodes.items():
            here = pods.get(name, [])
            if not here and takes(node, spec, ("NoSchedule", "NoExecute")):
                self._create(daemon_set, name, spec, update)
            surplus = here if not takes(node, spec, ("NoExecute",)) else here[1:]
            for pod in [*surplus, *(pod for pod in here[:1] if is_finished(pod))]:
                self._delete(daemon_set, pod)
        for name in pods.keys() - nodes.keys():
            for pod in pods[name]:
                if not pod["spec"].get("nodeName"):  # those that ran there are garbage, and somebody else's
                    self._delete(daemon_set, pod)

    def _update(self, daemon_set: Object, update: str) -> None:
        """Replace pods of an old template, as many at once as may be unavailable."""
        strategy = daemon_set["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        pods = [pod for here in self._pods(daemon_set).values() for pod in here]
        allowed = _allowed((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(pods))
        patience = int(daemon_set["spec"].get("minReadySeconds", 0))
        out = [pod for pod in pods if is_terminating(pod) or not is_available(pod, patience)]
        old = [pod for pod in pods if not is_terminating(pod) and labels_of(pod).get(REVISION_LABEL) != update]
        unavailable = {pod["metadata"]["name"] for pod in out}
        room = allowed - len(out)
        for pod in old:
            if pod["metadata"]["name"] in unavailable:  # it serves nobody: replacing it costs nothing
                self._delete(daemon_set, pod)
            elif room > 0:
                self._delete(daemon_set, pod)
                room -= 1

    def _create(self, daemon_set: Object, node: str, spec: Object, update: str) -> None:
        pod = new_pod(daemon_set, daemon_set["spec"]["template"], f"{daemon_set['metadata']['name']}-{random_suffix()}")
        pod["spec"] = pin(spec, node)
        pod["metadata"]["labels"] = labels_of(pod) | {REVISION_LABEL: update}
        made = create(self.store, POD, pod)
        said = f"Created pod: {made['metadata']['name']}"
        self.cluster.events.normal(daemon_set, COMPONENT, "SuccessfulCreate", said)

    def _delete(self, daemon_set: Object, pod: Object) -> None:
        if not is_terminating(pod):
            delete(self.store, POD, pod)
            said = f"Deleted pod: {pod['metadata']['name']}"
            self.cluster.events.normal(daemon_set, COMPONENT, "SuccessfulDelete", said)

    def _tell_status(self, key: Key, update: str) -> None:
        daemon_set = self.store.need(DAEMON_SET, *key)
        spec, patience = pod_spec(daemon_set), int(daemon_set["spec"].get("minReadySeconds", 0))
        wanted = {
            node["metadata"]["name"] for node in self.store.list(NODE) if takes(node, spec, ("NoSchedule", "NoExecute"))
        }
        pods = {name: here[0] for name, here in self._pods(daemon_set).items()}
        placed = [pod for name, pod in pods.items() if name in wanted]
        available = sum(is_available(pod, patience) for pod in placed)
        counts = {
            "updatedNumberScheduled": sum(labels_of(pod).get(REVISION_LABEL) == update for pod in placed),
            "numberAvailable": available,
            "numberUnavailable": len(wanted) - available,
        }
        status: Object = {
            "currentNumberScheduled": len(placed),
            "desiredNumberScheduled": len(wanted),
            "numberMisscheduled": len(pods) - len(placed),
            "numberReady": sum(is_ready(pod) for pod in placed),
            "observedGeneration": daemon_set["metadata"]["generation"],
        } | {name: count for name, count in counts.items() if count}
        self.store.mutate(DAEMON_SET, *key, lambda draft: draft.update(status=status))
        waits = [patience - ready_for(pod) for pod in placed if is_ready(pod) and not is_available(pod, patience)]
        if waits:
            self.queue.add_after(key, min(waits) + 0.05)


def pod_spec(daemon_set: Object) -> Object:
    """The spec of its pods, with the tolerations that every daemon has."""
    spec: Object = daemon_set["spec"]["template"]["spec"]
    borne = [{"key": _PREFIX + name, "operator": "Exists", "effect": effect} for name, effect in _BORNE]
    return spec | {"tolerations": [*(spec.get("tolerations") or ()), *borne]}


def takes(node: Object, spec: Object, effects: tuple[str, ...]) -> bool:
    """Whether a node is one of those that the pods are for; of its taints only those ``effects`` count."""
    taints = [taint for taint in node["spec"].get("taints") or () if taint["effect"] in effects]
    return chooses(spec, node) and all(tolerates(spec, taint) for taint in taints)


def _allowed(limit: Mapping[str, object] | int | str, total: int) -> int:
    """A number, or a part of the total rounded up."""
    if isinstance(limit, str) and limit.endswith("%"):
        return math.ceil(total * int(limit[:-1]) / 100)
    return int(str(limit))
