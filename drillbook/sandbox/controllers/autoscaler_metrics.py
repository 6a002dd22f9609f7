"""How many replicas one metric of an autoscaler asks for: the arithmetic of Kubernetes' replica calculator.

``ceil(usage / target * pods)``, and nothing as long as that ratio is within the tolerance. Pods without a reading count
as idle when there is reason to grow and as using all they asked for when there is reason to shrink, so that neither way
goes further than what was measured supports. Source: "Algorithm details" in the documentation of the Horizontal Pod
Autoscaler, and the order of its steps in ``pkg/controller/podautoscaler/replica_calculator.go``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from drillbook.sandbox.agent import PodUsage
from drillbook.sandbox.api.quantities import canonical, parse
from drillbook.sandbox.controllers.pods import condition, is_terminating, moment
from drillbook.sandbox.kinds import Object

WARM_UP: Final = timedelta(minutes=5)
"""In its first minutes a pod's CPU counts only once it is ready: starting costs more than serving."""
READINESS_DELAY: Final = timedelta(seconds=30)
"""A pod that became unready within this time of its start was never really ready."""


type _Ratio = Callable[[Mapping[str, int]], float]
"""Usage by pod to the ratio of usage and target."""


class NoReading(Exception):
    """Why a metric says nothing, in Kubernetes' words."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far the ratio of usage to target may be off, downwards and upwards, without anything happening."""

    down: float = 0.1
    up: float = 0.1

    def holds(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric of an autoscaler."""

    replicas: int
    what: str
    """What asks: ``cpu resource utilization (percentage of request)``."""
    current: Object
    """Its entry in ``status.currentMetrics``."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What an autoscaler sees when it looks."""

    pods: Sequence[Object]
    """All that the target's selector takes."""
    usage: Mapping[str, PodUsage]
    """By pod name."""
    replicas: int
    now: datetime


@dataclass(slots=True)
class _Groups:
    """Pods by what their reading is worth; usages in thousandths of cores or of bytes."""

    measured: dict[str, int]
    missing: list[str]
    unready: list[str]
    ready: int


def read(metric: Object, sight: Sight, tolerance: Tolerance) -> Reading:
    """What one entry of ``spec.metrics`` asks for. Raises NoReading."""
    type_ = metric["type"]
    if type_ not in {"Resource", "ContainerResource"}:
        raise NoReading(f"unable to get metrics of type {type_}: no custom metrics API is served here")
    field = "resource" if type_ == "Resource" else "containerResource"
    source = metric[field]
    name, target, container = source["name"], source["target"], source.get("container", "")
    if target.get("averageValue") is not None:
        wanted = math.ceil(parse(str(target["averageValue"])) * 1000)
        replicas, current = _by_value(name, container, wanted, sight, tolerance)
        what = f"{name} resource"
    elif target.get("averageUtilization") is not None:
        replicas, current = _by_utilization(name, container, int(target["averageUtilization"]), sight, tolerance)
        what = f"{name} {'container ' if container else ''}resource utilization (percentage of request)"
    else:
        raise NoReading(
            "invalid resource metric source: neither an average utilization target nor an average value (usage) target "
            "was set"
        )
    entry = {"name": name, "current": current} | ({"container": container} if container else {})
    return Reading(replicas, what, {"type": type_, field: entry})


def _by_utilization(name: str, container: str, target: int, sight: Sight, tolerance: Tolerance) -> tuple[int, Object]:
    prefix = f"failed to get {name} utilization: "
    groups = _group(name, container, sight, prefix)
    requests = _requests(name, container, sight.pods, prefix)
    utilization, average = _utilization(groups.measured, requests, prefix)
    current = {"averageUtilization": utilization, "averageValue": canonical(f"{average}m")}
    ratio = utilization / target
    fallback = max(100, target)
    full = {pod: requests.get(pod, 0) * fallback // 100 for pod in groups.missing}
    return _replicas(
        ratio,
        groups,
        full,
        lambda measured: _utilization(measured, requests, prefix)[0] / target,
        sight.replicas,
        tolerance,
    ), current


def _by_value(name: str, container: str, target: int, sight: Sight, tolerance: Tolerance) -> tuple[int, Object]:
    groups = _group(name, container, sight, f"failed to get {name} usage: ")
    average = sum(groups.measured.values()) // len(groups.measured)
    full = dict.fromkeys(groups.missing, target)

    def again(measured: Mapping[str, int]) -> float:
        return sum(measured.values()) // len(measured) / target

    replicas = _replicas(average / target, groups, full, again, sight.replicas, tolerance)
    return replicas, {"averageValue": canonical(f"{average}m")}


def _replicas(
    ratio: float,
    groups: _Groups,
    full: Mapping[str, int],
    again: _Ratio,
    replicas: int,
    tolerance: Tolerance,
) -> int:
    """``full``: what pods without a reading count as when there is reason to shrink."""
    growing_with_unready = bool(groups.unready) and ratio > 1.0
    if not growing_with_unready and not groups.missing:
        return replicas if tolerance.holds(ratio) else math.ceil(ratio * groups.ready)
    measured = dict(groups.measured)
    if ratio < 1.0:
        measured |= full
    elif ratio > 1.0:
        measured |= dict.fromkeys(groups.missing, 0)
    if growing_with_unready:
        measured |= dict.fromkeys(groups.unready, 0)
    cautious = again(measured)
    turned = (ratio < 1.0 < cautious) or (cautious < 1.0 < ratio)
    if tolerance.holds(cautious) or turned:
        return replicas
    proposed = math.ceil(cautious * len(measured))
    if (cautious < 1.0 and proposed > replicas) or (cautious > 1.0 and proposed < replicas):
        return replicas
    return proposed


def _group(name: str, container: str, sight: Sight, prefix: str) -> _Groups:
    """Raises NoReading when no pod has a reading that counts."""
    readings = {
        pod: value for pod, usage in sight.usage.items() if (value := _used(usage, name, container)) is not None
    }
    names = {pod["metadata"]["name"] for pod in sight.pods}
    readings = {pod: value for pod, value in readings.items() if pod in names}
    if not readings:
        raise NoReading(
            f"{prefix}unable to get metrics for resource {name}: no metrics returned from resource metrics API"
        )
    groups = _Groups({}, [], [], 0)
    for pod in sight.pods:
        pod_name, phase = pod["metadata"]["name"], (pod.get("status") or {}).get("phase")
        if is_terminating(pod) or phase == "Failed":
            continue
        if phase == "Pending":
            groups.unready.append(pod_name)
        elif pod_name not in readings:
            groups.missing.append(pod_name)
        elif name == "cpu" and _warming_up(pod, sight.usage[pod_name], sight.now):
            groups.unready.append(pod_name)
        else:
            groups.measured[pod_name] = readings[pod_name]
            groups.ready += 1
    if not groups.measured:
        raise NoReading(f"{prefix}did not receive metrics for targeted pods (pods might be unready)")
    return groups


def _used(usage: PodUsage, name: str, container: str) -> int | None:
    """Thousandths of cores or bytes; None when the container isn't there."""
    which = 0 if name == "cpu" else 1
    if container:
        found = usage.containers.get(container)
        return None if found is None else math.ceil(found[which] * 1000)
    return sum(math.ceil(values[which] * 1000) for values in usage.containers.values()) if usage.containers else None


def _warming_up(pod: Object, usage: PodUsage, now: datetime) -> bool:
    ready, started = condition(pod, "Ready"), (pod.get("status") or {}).get("startTime")
    if ready is None or not started:
        return True
    changed = moment(ready["lastTransitionTime"])
    if moment(started) + WARM_UP > now:
        return ready["status"] == "False" or usage.timestamp < changed + timedelta(seconds=usage.window_seconds)
    return ready["status"] == "False" and moment(started) + READINESS_DELAY > changed


def _requests(name: str, container: str, pods: Sequence[Object], prefix: str) -> dict[str, int]:
    """What each pod asks for, in thousandths. Raises NoReading when one of its containers asks for nothing."""
    requests = {}
    for pod in pods:
        total = 0
        for one in pod["spec"]["containers"]:
            if container not in {"", one["name"]}:
                continue
            asked = ((one.get("resources") or {}).get("requests") or {}).get(name)
            if asked is None:
                raise NoReading(
                    f"{prefix}missing request for {name} in container {one['name']} of Pod {pod['metadata']['name']}"
                )
            total += math.ceil(parse(str(asked)) * 1000)
        requests[pod["metadata"]["name"]] = total
    return requests


def _utilization(measured: Mapping[str, int], requests: Mapping[str, int], prefix: str) -> tuple[int, int]:
    """Whole percent of what was asked for, and the average usage in thousandths."""
    known = {pod: value for pod, value in measured.items() if pod in requests}
    asked = sum(requests[pod] for pod in known)
    if not asked:
        raise NoReading(f"{prefix}no metrics returned matched known pods")
    used = sum(known.values())
    return used * 100 // asked, used // len(known)
