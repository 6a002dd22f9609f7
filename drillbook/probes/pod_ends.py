"""How often the containers of a workload ended lately: restarts, and kills for memory.

The API keeps a count since the pod was born and the moment of the last end alone. So what happened inside a window is
bounded: at least the last end when it lies inside, at most all of them; exact when the pod itself is that young.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from drillbook.clients.kube import Object
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed
from drillbook.probes.windows import seconds_of
from drillbook.probes.workloads import pods

_REMEDY = "wait until the window is over, or let Prometheus remember: the API keeps the last end alone"


@dataclass(frozen=True, slots=True)
class _Ends:
    """One container's ends inside the window."""

    pod: str
    container: str
    low: int
    high: int
    out_of_memory: int
    """Of the ends that can still be seen (the last one, and a present one), those for memory."""
    evidence: Mapping[str, Any]


async def restarts(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Restarts within the window, of the container that has most; one in CrashLoopBackOff counts whenever it ended."""
    asked = needed(component, "pod.restarts")
    where, ends = await _ends(scene, asked, parameters)
    if not ends:
        return scene.unseen(Dimension.COUNT, where, f"{asked.workload} has no pod whose containers ever started")
    worst = max(ends, key=lambda one: (one.low, one.high))
    return scene.seen(
        Dimension.COUNT,
        f"{where}: most by {worst.pod}/{worst.container}",
        worst.low,
        low=worst.low,
        high=max(one.high for one in ends),
        samples=len(ends),
        remedy=_REMEDY,
        evidence={"window": parameters["window"], "containers": [one.evidence for one in ends]},
    )


async def oom_kills(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Containers killed for memory within the window, over all pods of the workload."""
    asked = needed(component, "pod.oom_kills")
    where, ends = await _ends(scene, asked, parameters)
    if not ends:
        return scene.unseen(Dimension.COUNT, where, f"{asked.workload} has no pod whose containers ever started")
    seen = sum(one.out_of_memory for one in ends)
    # Of an earlier end nobody knows the reason any more. The last one of each container is known.
    hidden = sum(max(0, one.high - 1) for one in ends)
    return scene.seen(
        Dimension.COUNT,
        where,
        seen,
        low=seen,
        high=seen + hidden,
        samples=len(ends),
        remedy=_REMEDY,
        evidence={"window": parameters["window"], "containers": [one.evidence for one in ends]},
    )


async def _ends(scene: Scene, component: Component, parameters: Mapping[str, Any]) -> tuple[str, list[_Ends]]:
    since = scene.clock.now() - timedelta(seconds=seconds_of(parameters, "window"))
    where = f"containers of {component.workload} in namespace {component.namespace}"
    found = await pods(scene, component)
    return where, [_ends_of(pod, status, since) for pod in found for status in _statuses(pod)]


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _ends_of(pod: Object, status: Object, since: datetime) -> _Ends:
    count = int(status.get("restartCount", 0))
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason")
    last = (status.get("lastState") or {}).get("terminated") or {}
    now = (status.get("state") or {}).get("terminated") or {}
    recent = _after(last.get("finishedAt"), since)
    looping = waiting == "CrashLoopBackOff"
    if count == 0 or not (recent or looping):
        low = high = 0
    elif _after(pod["metadata"]["creationTimestamp"], since):
        low = high = count
    else:
        low, high = 1, count
    killed = sum(
        end.get("reason") == "OOMKilled" and _after(end.get("finishedAt"), since)
        # While a container waits for its next start, its last end is in lastState alone.
        for end in (last, now)
    )
    name = pod["metadata"]["name"]
    evidence = {
        "pod": name,
        "container": status["name"],
        "restarts_since_birth": count,
        "last_end": last.get("finishedAt"),
        "last_reason": last.get("reason"),
        "waiting": waiting,
        "restarts_in_window": [low, high],
    }
    return _Ends(name, status["name"], low, high, killed, evidence)


def _after(moment: str | None, since: datetime) -> bool:
    return moment is not None and datetime.fromisoformat(moment) >= since
