"""HorizontalPodAutoscaler v2, on CPU and memory: replicas that keep usage near its target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.agent import PodUsage
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.autoscaler_behavior import Memory, next_step, remember_change, tolerance_of
from drillbook.sandbox.controllers.autoscaler_metrics import NoReading, Reading, Sight, read
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.controllers.pods import is_terminating, with_condition
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
    Kind,
    Object,
)
from drillbook.sandbox.store import Change

COMPONENT: Final = "horizontal-pod-autoscaler"
PERIOD: Final = 15.0
"""Seconds between two looks, as Kubernetes' controller manager has it by default."""
TARGETS: Final[dict[str, Kind]] = {k.name: k for k in (DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET)}


class Unscalable(Exception):
    """Why an autoscaler can't act: type, reason and message of a condition, and the events that go with it."""

    def __init__(self, type_: str, reason: str, message: str, events: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.type, self.reason, self.message, self.events = type_, reason, message, tuple(events)


class Autoscalers(Controller):
    """Looks every 15 seconds, and when an autoscaler changes."""

    name = "horizontalpodautoscaler"
    watches = (AUTOSCALER,)

    def __init__(self, cluster: Cluster, usage: Callable[[], list[PodUsage]], clock: Clock = SYSTEM_CLOCK) -> None:
        """``usage``: what the pods use now, as metrics.k8s.io tells it."""
        super().__init__(cluster)
        self._usage = usage
        self._clock = clock
        self._memories: dict[Key, Memory] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        key = own_key(change.object)
        if change.type == "DELETED":
            self._memories.pop(key, None)
            return []
        # Its own status is written at every look: only what somebody wants differently makes it look at once.
        if change.before is not None and change.before["spec"] == change.object["spec"]:
            return []
        return [key]

    async def reconcile(self, key: Key) -> None:
        scaler = self.store.get(AUTOSCALER, *key)
        if scaler is None or is_terminating(scaler):
            return
        self.queue.add_after(key, PERIOD)
        status: Object = dict(scaler.get("status") or {})
        try:
            self._look(scaler, status)
        except Unscalable as why:
            _note(status, why.type, "False", why.reason, why.message)
            for reason, message in why.events:
                self.cluster.events.warning(scaler, COMPONENT, reason, message)
        status.setdefault("desiredReplicas", 0)
        status.setdefault("currentReplicas", 0)
        self.store.mutate(AUTOSCALER, *key, lambda draft: draft.update(status=status))

    def _look(self, scaler: Object, status: Object) -> None:
        """One look at the target: fills the status in and scales. Raises Unscalable."""
        target = self._target(scaler)
        spec, current = scaler["spec"], int(target["spec"].get("replicas", 1))
        succeeded = "the HPA controller was able to get the target's current scale"
        _note(status, "AbleToScale", "True", "SucceededGetScale", succeeded)
        status["currentReplicas"] = current
        least, most = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
        memory = self._memories.setdefault(own_key(scaler), Memory())
        now = self._clock.monotonic()
        if not memory.recommended:
            memory.recommended.append((now, current))
        if current == 0 and least != 0:
            status |= {"desiredReplicas": 0}
            status.pop("currentMetrics", None)
            zero = "scaling is disabled since the replica count of the target is zero"
            raise Unscalable("ScalingActive", "ScalingDisabled", zero)
        if not least <= current <= most:
            status.pop("currentMetrics", None)
            bound = "above Spec.MaxReplicas" if current > most else "below Spec.MinReplicas"
            wanted, why = min(max(current, least), most), f"Current number of replicas {bound}"
        else:
            desired, why, readings = self._desired(scaler, target, current, status)
            status["currentMetrics"] = [reading.current for reading in readings]
            step = next_step(spec, memory, current, desired, now)
            _note(status, "AbleToScale", "True", *step.able)
            _note(status, "ScalingLimited", "True" if step.limited else "False", *step.limit)
            wanted = step.replicas
        status["desiredReplicas"] = wanted
        if wanted != current:
            self._scale(scaler, target, wanted, why, status)
            remember_change(spec, memory, wanted - current, now)

    def _target(self, scaler: Object) -> Object:
        reference = scaler["spec"]["scaleTargetRef"]
        kind = TARGETS.get(reference["kind"])
        group = str(reference.get("apiVersion", "")).rpartition("/")[0]
        if kind is None or group != kind.group:
            what = f'no matches for kind "{reference["kind"]}" in group "{group}"'
            raise _no_scale(what)
        found = self.store.get(kind, scaler["metadata"]["namespace"], reference["name"])
        if found is None:
            raise _no_scale(f'{kind.resource} "{reference["name"]}" not found')
        return found

    def _desired(self, scaler: Object, target: Object, current: int, status: Object) -> tuple[int, str, list[Reading]]:
        """The highest recommendation of all metrics, why, and what was read. Raises Unscalable."""
        namespace = scaler["metadata"]["namespace"]
        selector = _selector(target)
        pods = [pod for pod in self.store.list(POD, namespace) if matches(selector, labels_of(pod))]
        self._refuse_rivals(scaler, target, pods)
        usage = {usage.name: usage for usage in self._usage() if usage.namespace == namespace}
        sight = Sight(pods, usage, current, self._clock.now())
        readings: list[Reading] = []
        failures: list[tuple[Object, str]] = []
        metrics = scaler["spec"].get("metrics") or []
        for metric in metrics:
            try:
                readings.append(read(metric, sight, tolerance_of(scaler["spec"])))
            except NoReading as nothing:
                failures.append((metric, str(nothing)))
        best = max(readings, key=lambda reading: reading.replicas, default=None)
        if best is None or (failures and best.replicas < current):
            # Shrinking on part of the metrics would take away what an unread one may need.
            status["currentMetrics"] = [reading.current for reading in readings]
            raise _unread(failures, len(metrics))
        for metric, sentence in failures:
            self.cluster.events.warning(scaler, COMPONENT, f"FailedGet{metric['type']}Metric", sentence)
        _note(
            status,
            "ScalingActive",
            "True",
            "ValidMetricFound",
            f"the HPA was able to successfully calculate a replica count from {best.what}",
        )
        why = f"{best.what} above target" if best.replicas > current else "All metrics below target"
        return best.replicas, why, readings

    def _refuse_rivals(self, scaler: Object, target: Object, pods: Sequence[Object]) -> None:
        """Pods that two autoscalers' targets select: Kubernetes lets neither autoscaler act."""
        namespace = scaler["metadata"]["namespace"]
        rivals = []
        for other in self.store.list(AUTOSCALER, namespace):
            reference = other["spec"]["scaleTargetRef"]
            kind = TARGETS.get(reference["kind"])
            theirs = self.store.get(kind, namespace, reference["name"]) if kind else None
            selector = _selector(theirs) if theirs is not None else None
            if any(matches(selector, labels_of(pod)) for pod in pods):
                rivals.append(f"{namespace}/{other['metadata']['name']}")
        if len(rivals) > 1:
            text = (
                f"pods by selector {_written(_selector(target))} are controlled by multiple HPAs: [{' '.join(rivals)}]"
            )
            events = [("AmbiguousSelector", text), ("FailedComputeMetricsReplicas", text)]
            raise Unscalable("ScalingActive", "AmbiguousSelector", text, events)

    def _scale(self, scaler: Object, target: Object, wanted: int, why: str, status: Object) -> None:
        kind = TARGETS[target["kind"]]
        self.store.mutate(kind, *own_key(target), lambda draft: draft["spec"].update(replicas=wanted))
        done = f"the HPA controller was able to update the target scale to {wanted}"
        _note(status, "AbleToScale", "True", "SucceededRescale", done)
        status["lastScaleTime"] = written(self._clock.now())
        self.cluster.events.normal(scaler, COMPONENT, "SuccessfulRescale", f"New size: {wanted}; reason: {why}")


def _note(status: Object, type_: str, value: str, reason: str, message: str) -> None:
    status["conditions"] = with_condition(status.get("conditions") or (), type_, value, reason, message)


def _no_scale(what: str) -> Unscalable:
    return Unscalable(
        "AbleToScale",
        "FailedGetScale",
        f"the HPA controller was unable to get the target's current scale: {what}",
        [("FailedGetScale", what)],
    )


def _unread(failures: Sequence[tuple[Object, str]], total: int) -> Unscalable:
    """All metrics say nothing, or some do and the others would shrink."""
    metric, sentence = failures[0]
    reason = f"FailedGet{metric['type']}Metric"
    named = (metric.get("resource") or metric.get("containerResource") or {}).get("name", "")
    which = f"{named} resource" if metric["type"] == "Resource" else metric["type"]
    summary = (
        f"invalid metrics ({len(failures)} invalid out of {total}), first error is: "
        f"failed to get {which} metric value: {sentence}"
    )
    events = [(f"FailedGet{failed['type']}Metric", text) for failed, text in failures]
    message = f"the HPA was unable to compute the replica count: {sentence}"
    return Unscalable("ScalingActive", reason, message, [*events, ("FailedComputeMetricsReplicas", summary)])


def _selector(target: Object) -> Object | None:
    """As a label selector; a ReplicationController's is a plain map."""
    selector = target["spec"].get("selector")
    if target["kind"] == REPLICATION_CONTROLLER.name:
        return {"matchLabels": selector or {}}
    return None if selector is None else dict(selector)


def _written(selector: Object | None) -> str:
    """``app=web,tier in (a,b)``."""
    parts = [f"{key}={value}" for key, value in sorted(((selector or {}).get("matchLabels") or {}).items())]
    for expression in (selector or {}).get("matchExpressions") or ():
        key, values = expression["key"], ",".join(sorted(expression.get("values") or ()))
        words = {"Exists": key, "DoesNotExist": f"!{key}", "In": f"{key} in ({values})"}
        parts.append(words.get(expression["operator"], f"{key} notin ({values})"))
    return ",".join(parts)
