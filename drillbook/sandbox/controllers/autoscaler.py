"""HorizontalPodAutoscaler v2, on CPU and memory: replicas that keep usage near its target.

The formula is Kubernetes' own: ``ceil(replicas * usage / target)``, nothing within 10 % of the target, scaling down
only to the highest recommendation of the stabilisation window. Source: "Horizontal Pod Autoscaling, Algorithm details"
in the Kubernetes documentation.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.agent import PodUsage
from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.controllers.pods import is_active, is_ready, is_terminating, with_condition
from drillbook.sandbox.kinds import AUTOSCALER, DEPLOYMENT, POD, REPLICA_SET, STATEFUL_SET, Kind, Object
from drillbook.sandbox.store import Change, timestamp

COMPONENT: Final = "horizontal-pod-autoscaler"
PERIOD: Final = 15.0
TOLERANCE: Final = 0.1
TARGETS: Final[dict[str, Kind]] = {k.name: k for k in (DEPLOYMENT, REPLICA_SET, STATEFUL_SET)}


class Unscalable(Exception):
    """Why an autoscaler can't act: the reason and message of its ScalingActive or AbleToScale condition."""

    def __init__(self, type_: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.type, self.reason, self.message = type_, reason, message


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric of an autoscaler: what it recommends, and its ``currentMetrics`` entry."""

    replicas: int
    current: Object


class Autoscalers(Controller):
    """Looks every 15 seconds, and when an autoscaler changes."""

    name = "horizontalpodautoscaler"
    watches = (AUTOSCALER,)

    def __init__(self, cluster: Cluster, usage: Callable[[], list[PodUsage]]) -> None:
        super().__init__(cluster)
        self._usage = usage
        self._recommended: dict[Key, list[tuple[float, int]]] = {}
        self._generations: dict[Key, int] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        key = own_key(change.object)
        if change.type == "DELETED":
            self._generations.pop(key, None)
            self._recommended.pop(key, None)
        elif self._generations.get(key) != change.object["metadata"]["generation"]:
            self._generations[key] = change.object["metadata"]["generation"]
            return [key]
        return []

    async def reconcile(self, key: Key) -> None:
        scaler = self.store.get(AUTOSCALER, *key)
        if scaler is None or is_terminating(scaler):
            return
        self.queue.add_after(key, PERIOD)
        status: Object = dict(scaler.get("status") or {})
        conditions = list(status.get("conditions") or ())
        try:
            target = self._target(scaler)
            status["currentReplicas"] = int((target.get("status") or {}).get("replicas", 0))
            conditions = with_condition(
                conditions,
                "AbleToScale",
                "True",
                "SucceededGetScale",
                "the HPA controller was able to get the target's current scale",
            )
            desired, readings = self._desired(scaler, target, status)
            status["currentMetrics"] = [r.current for r in readings]
            conditions = with_condition(
                conditions,
                "ScalingActive",
                "True",
                "ValidMetricFound",
                "the HPA was able to successfully calculate a replica count",
            )
            conditions, wanted = self._within(scaler, desired, conditions)
            self._scale(scaler, target, wanted, status)
        except Unscalable as why:
            if why.type == "ScalingActive":
                status["desiredReplicas"] = status.get("currentReplicas", 0)
            conditions = with_condition(conditions, why.type, "False", why.reason, why.message)
            if why.reason != "ScalingDisabled":
                self.cluster.events.warning(scaler, COMPONENT, why.reason, why.message)
        status["conditions"] = conditions
        status["observedGeneration"] = scaler["metadata"]["generation"]
        status.setdefault("desiredReplicas", 0)
        status.setdefault("currentReplicas", 0)
        self.store.mutate(AUTOSCALER, *key, lambda draft: draft.update(status=status))

    def _target(self, scaler: Object) -> Object:
        reference = scaler["spec"]["scaleTargetRef"]
        kind = TARGETS.get(reference["kind"])
        found = self.store.get(kind, scaler["metadata"]["namespace"], reference["name"]) if kind else None
        if found is None:
            what = f'{(kind or DEPLOYMENT).plural}.apps "{reference["name"]}" not found'
            raise Unscalable(
                "AbleToScale",
                "FailedGetScale",
                f"the HPA controller was unable to get the target's current scale: {what}",
            )
        return found

    def _desired(self, scaler: Object, target: Object, status: Object) -> tuple[int, list[Reading]]:
        if int(target["spec"].get("replicas", 1)) == 0:
            raise Unscalable(
                "ScalingActive", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero"
            )
        self._refuse_rivals(scaler, target)
        pods = [
            pod
            for pod in self.store.list(POD, scaler["metadata"]["namespace"])
            if is_active(pod) and matches(target["spec"].get("selector"), labels_of(pod))
        ]
        usage = {(u.namespace, u.name): u.containers for u in self._usage()}
        replicas = int(target["spec"].get("replicas", 1))
        readings = [_read(metric, pods, usage, replicas) for metric in scaler["spec"].get("metrics") or ()]
        return max(r.replicas for r in readings) if readings else replicas, readings

    def _refuse_rivals(self, scaler: Object, target: Object) -> None:
        """Two autoscalers on one target: Kubernetes lets neither act."""
        rivals = [
            other["metadata"]["name"]
            for other in self.store.list(AUTOSCALER, scaler["metadata"]["namespace"])
            if other["spec"]["scaleTargetRef"]["kind"] == target["kind"]
            and other["spec"]["scaleTargetRef"]["name"] == target["metadata"]["name"]
        ]
        if len(rivals) > 1:
            names = " ".join(f"{scaler['metadata']['namespace']}/{name}" for name in sorted(rivals))
            raise Unscalable(
                "ScalingActive",
                "AmbiguousSelector",
                f"pods by selector {_selector_text(target)} are controlled by multiple HPAs: [{names}]",
            )

    def _within(self, scaler: Object, desired: int, conditions: list[Object]) -> tuple[list[Object], int]:
        """The recommendation after the stabilisation window and the bounds."""
        spec = scaler["spec"]
        key = own_key(scaler)
        down = ((spec.get("behavior") or {}).get("scaleDown") or {}).get("stabilizationWindowSeconds", 300)
        now = time.monotonic()
        kept = [(at, n) for at, n in self._recommended.get(key, []) if now - at <= float(down)] + [(now, desired)]
        self._recommended[key] = kept
        steady = max(n for _, n in kept)
        least, most = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
        bounded = min(max(steady, least), most)
        if bounded > steady:
            limited = ("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
        elif bounded < steady:
            limited = ("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
        else:
            limited = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
        return with_condition(conditions, "ScalingLimited", *limited), bounded

    def _scale(self, scaler: Object, target: Object, wanted: int, status: Object) -> None:
        now = int(target["spec"].get("replicas", 1))
        step = _fastest_up(now)
        wanted = min(wanted, step)
        status["desiredReplicas"] = wanted
        if wanted == now:
            return
        kind = TARGETS[target["kind"]]
        self.store.mutate(kind, *own_key(target), lambda draft: draft["spec"].update(replicas=wanted))
        status["lastScaleTime"] = timestamp()
        why = "above target" if wanted > now else "below target"
        self.cluster.events.normal(
            scaler, COMPONENT, "SuccessfulRescale", f"New size: {wanted}; reason: resource utilization {why}"
        )


def _fastest_up(replicas: int) -> int:
    """Kubernetes' default scale-up policies: double, or four pods more, whichever is more, per 15 seconds."""
    return max(2 * replicas, replicas + 4)


def _read(
    metric: Object, pods: list[Object], usage: Mapping[tuple[str, str], Mapping[str, tuple[float, int]]], replicas: int
) -> Reading:
    if metric["type"] not in {"Resource", "ContainerResource"}:
        raise Unscalable(
            "ScalingActive",
            "FailedGetMetric",
            f"metrics of type {metric['type']} need an adapter, and there is none here",
        )
    source = metric["resource" if metric["type"] == "Resource" else "containerResource"]
    name, target = source["name"], source["target"]
    only = source.get("container")
    used, asked, measured = 0.0, 0.0, 0
    for pod in pods:
        containers = usage.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))
        if containers is None or not is_ready(pod):
            continue
        measured += 1
        for container in pod["spec"]["containers"]:
            if only in {None, container["name"]} and container["name"] in containers:
                used += containers[container["name"]][0 if name == "cpu" else 1]
                asked += float(_request(container, name, target, pod))
    if not measured:
        raise Unscalable(
            "ScalingActive",
            f"FailedGet{'Container' if only else ''}ResourceMetric",
            f"the HPA was unable to compute the replica count: failed to get {name} utilization: "
            "unable to get metrics for resource: no metrics returned from resource metrics API",
        )
    return _recommend(name, target, used, asked, measured, replicas)


def _recommend(name: str, target: Object, used: float, asked: float, measured: int, replicas: int) -> Reading:
    average = used / measured
    value = f"{math.ceil(average * 1000)}m" if name == "cpu" else str(math.ceil(average))
    current: Object = {"averageValue": value}
    if target["type"] == "Utilization":
        current["averageUtilization"] = int(100 * used / asked)
        ratio = 100 * used / asked / float(target["averageUtilization"])
    else:
        ratio = average / float(parse(target["averageValue"]))
    wanted = replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * measured)
    return Reading(wanted, {"type": "Resource", "resource": {"name": name, "current": current}})


def _request(container: Object, name: str, target: Object, pod: Object) -> float:
    resources = container.get("resources") or {}
    text = (resources.get("requests") or {}).get(name) or (resources.get("limits") or {}).get(name)
    if text is None and target["type"] == "Utilization":
        raise Unscalable(
            "ScalingActive",
            "FailedGetResourceMetric",
            f"the HPA was unable to compute the replica count: failed to get {name} utilization: "
            f"missing request for {name} in container {container['name']} of Pod {pod['metadata']['name']}",
        )
    return float(parse(str(text or "0")))


def _selector_text(target: Object) -> str:
    labels = (target["spec"].get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
