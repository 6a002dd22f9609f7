"""Gives each waiting pod a node: the one with room that runs the fewest of its kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key
from drillbook.sandbox.controllers.node_affinity import chooses, pinned_to
from drillbook.sandbox.controllers.pods import is_finished, is_terminating, with_condition
from drillbook.sandbox.controllers.tolerations import tolerates
from drillbook.sandbox.kinds import NODE, POD, Object
from drillbook.sandbox.store import Change

COMPONENT = "default-scheduler"


class Scheduler(Controller):
    """Binds pods to nodes."""

    name = "scheduler"
    watches = (POD, NODE)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is POD and change.type != "DELETED":
            return [] if change.object["spec"].get("nodeName") else [own_key(change.object)]
        # A node came back, or a pod gave its room back: whoever waits may try again.
        if change.kind is POD or change.type != "MODIFIED" or _room_changed(change):
            return [own_key(pod) for pod in self.store.list(POD) if not pod["spec"].get("nodeName")]
        return []

    async def reconcile(self, key: Key) -> None:
        pod = self.store.get(POD, *key)
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod):
            return
        nodes = self.store.list(NODE)
        running = [p for p in self.store.list(POD) if p["spec"].get("nodeName") and not is_finished(p)]
        refused: Counter[str] = Counter()
        fitting = []
        for node in nodes:
            because = why_not(pod, node, [p for p in running if p["spec"]["nodeName"] == node["metadata"]["name"]])
            if because:
                refused[because] += 1
            else:
                fitting.append(node)
        if not fitting:
            self._fail(pod, len(nodes), refused)
            return
        self._bind(pod, min(fitting, key=lambda node: _load(pod, node, running)))

    def _bind(self, pod: Object, node: Object) -> None:
        name = node["metadata"]["name"]

        def bind(draft: Object) -> None:
            draft["spec"]["nodeName"] = name
            status = draft.setdefault("status", {})
            status["conditions"] = with_condition(status.get("conditions") or (), "PodScheduled", "True")

        namespace, pod_name = own_key(pod)
        self.store.mutate(POD, namespace, pod_name, bind)
        self.cluster.events.normal(
            pod, COMPONENT, "Scheduled", f"Successfully assigned {namespace}/{pod_name} to {name}"
        )

    def _fail(self, pod: Object, nodes: int, refused: Counter[str]) -> None:
        reasons = ", ".join(f"{count} {because}" for because, count in sorted(refused.items()))
        message = f"0/{nodes} nodes are available: {reasons}." if reasons else "no nodes available to schedule pods"

        def wait(draft: Object) -> None:
            status = draft.setdefault("status", {})
            status["conditions"] = with_condition(
                status.get("conditions") or (), "PodScheduled", "False", "Unschedulable", message
            )

        self.store.mutate(POD, *own_key(pod), wait)
        self.cluster.events.warning(pod, COMPONENT, "FailedScheduling", message)


def why_not(pod: Object, node: Object, running: Iterable[Object]) -> str | None:
    """Why this pod can't run on this node, in the scheduler's own words; None when it can."""
    spec = pod["spec"]
    if pinned_to(spec) not in {None, node["metadata"]["name"]}:
        return "node(s) didn't satisfy plugin(s) [NodeAffinity]"
    if node["spec"].get("unschedulable") and not tolerates(
        spec, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    ):
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] in {"NoSchedule", "NoExecute"} and not tolerates(spec, taint):
            pair = f"{taint['key']}: {taint.get('value', '')}"
            return f"node(s) had untolerated taint {{{pair}}}"
    if not chooses(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    placed = list(running)
    if len(placed) >= int(allocatable.get("pods", 0)):
        return "Too many pods"
    for resource in ("cpu", "memory"):
        used = sum((requested(other["spec"], resource) for other in placed), Decimal(0))
        if used + requested(spec, resource) > parse(str(allocatable.get(resource, 0))):
            return f"Insufficient {resource}"
    return None


def requested(spec: Object, resource: str) -> Decimal:
    """What a pod asks for: its containers' requests together, or its greediest init container."""

    def ask(container: Object) -> Decimal:
        value = ((container.get("resources") or {}).get("requests") or {}).get(resource)
        return parse(str(value)) if value is not None else Decimal(0)

    together = sum((ask(c) for c in spec["containers"]), Decimal(0))
    return max([together, *(ask(c) for c in spec.get("initContainers") or ())])


def _load(pod: Object, node: Object, running: list[Object]) -> tuple[int, int, str]:
    owner = controller_of(pod)
    name = node["metadata"]["name"]
    here = [p for p in running if p["spec"]["nodeName"] == name]
    siblings = sum(1 for p in here if owner and (controller_of(p) or {}).get("uid") == owner["uid"])
    return siblings, len(here), name


def _room_changed(change: Change) -> bool:
    before = change.before or {}
    after = change.object
    return before.get("spec") != after.get("spec") or before.get("metadata", {}).get("labels") != after["metadata"].get(
        "labels"
    )
