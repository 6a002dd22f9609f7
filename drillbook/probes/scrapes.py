"""Rates between two scrapes of ``/metrics``, of every pod behind a Service.

Counters say what happened since a process began, which is no rate of now; one scrape through the Service speaks of one
pod, and the next of another. So every pod is asked twice, each counter is compared with itself, and one that went back
counts from zero, as Prometheus' ``rate()`` has it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.model.statistics import wilson
from drillbook.probes.metrics_pages import Labels, MetricsPage, doors_of, pages_of
from drillbook.probes.scene import Scene, needed
from drillbook.probes.windows import look_length

OWN_PATHS: Final = frozenset({"/metrics", "/health", "/ready", "/healthz", "/livez", "/readyz"})
"""Paths whose requests are no users': scrapes and probes."""
_Z: Final = 1.959964
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class _Traffic:
    """What users asked of all pods between two scrapes, by status."""

    where: str
    seconds: float
    by_status: Mapping[str, float]
    evidence: Mapping[str, Any]

    @property
    def requests(self) -> float:
        return sum(self.by_status.values())

    def share(self, status: str) -> float:
        """How many answers had a status: ``429``, or ``5xx`` for a class of them."""
        wanted = status.lower().replace("x", "")
        return sum(count for found, count in self.by_status.items() if found.startswith(wanted))


async def throughput(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Requests a second that all pods together answered, without scrapes and probes."""
    traffic = await _traffic(scene, needed(component, "http.throughput"), parameters)
    return _rate(scene, traffic, traffic.requests)


async def error_rate(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Answers with 5xx a second, of all pods together: 0 where there is traffic and no series of errors yet."""
    traffic = _told_apart(await _traffic(scene, needed(component, "http.error_rate"), parameters))
    return _rate(scene, traffic, traffic.share("5xx"))


async def status_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The share of a status (``429``, ``4xx``) in all answers between the scrapes; nothing without traffic."""
    traffic = _told_apart(await _traffic(scene, needed(component, "http.status_ratio"), parameters))
    total = round(traffic.requests)
    if total == 0:
        problem = f"no request was answered in {traffic.seconds:.1f} s, so there is no share of anything"
        remedy = "send traffic, or look for longer (parameter over)"
        return scene.unseen(Dimension.RATIO, traffic.where, problem, remedy=remedy, evidence=traffic.evidence)
    ratio, low, high = wilson(min(total, round(traffic.share(parameters["status"]))), total)
    evidence = {**traffic.evidence, "bounds": "Wilson score, 95 %"}
    remedy = f"needs {4 * total:,} requests"
    return scene.seen(
        Dimension.RATIO, traffic.where, ratio, low=low, high=high, samples=total, remedy=remedy, evidence=evidence
    )


def _told_apart(traffic: _Traffic) -> _Traffic:
    """Raises Unreachable where the counter has no status: nothing that failed could ever be seen in it."""
    if "" in traffic.by_status:
        raise Unreachable(f"{traffic.where} has no label status, code or status_code: name a counter that has one")
    return traffic


def _rate(scene: Scene, traffic: _Traffic, count: float) -> Observation:
    """Events a second, with the interval that so many events support."""
    low, high = poisson_bounds(count)
    return scene.seen(
        Dimension.RATE,
        traffic.where,
        round(count / traffic.seconds, 6),
        low=round(min(low, count) / traffic.seconds, 6),
        high=round(max(high, count) / traffic.seconds, 6),
        remedy="look for longer (parameter over)",
        evidence={**traffic.evidence, "events": count, "bounds": "Poisson, 95 %"},
    )


def poisson_bounds(count: float) -> tuple[float, float]:
    """The 95 % interval of a Poisson mean after ``count`` events, by Byar's approximation.

    Breslow & Day, Statistical Methods in Cancer Research II, formula 2.13; for no event at all exactly -ln(0.025).
    """
    if count == 0:
        return 0.0, -math.log(0.025)
    low = count * (1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3
    more = count + 1
    return max(0.0, low), more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3


async def _traffic(scene: Scene, component: Component, parameters: Mapping[str, Any]) -> _Traffic:
    seconds, metric, path = look_length(parameters), str(parameters["metric"]), str(parameters["path"])
    return await scene.once(
        ("scrapes", component.id, metric, path, seconds), lambda: _look(scene, component, metric, path, seconds)
    )


async def _look(scene: Scene, component: Component, metric: str, path: str, seconds: float) -> _Traffic:
    doors = await doors_of(scene, component)
    begin = scene.clock.monotonic()
    first = await pages_of(scene, component, doors, path)
    await asyncio.sleep(max(0.0, seconds - (scene.clock.monotonic() - begin)))
    second = await pages_of(scene, component, doors, path)
    taken = scene.clock.monotonic() - begin
    by_status: dict[str, float] = {}
    resets = 0
    for before, after in zip(_counts(first, metric), _counts(second, metric), strict=True):
        for labels, now in after.items():
            named = dict(labels)
            if named.get("path", named.get("route", named.get("handler"))) in OWN_PATHS:
                continue
            was = before.get(labels, 0.0)
            resets += now < was
            status = named.get("status", named.get("code", named.get("status_code", "")))
            by_status[status] = by_status.get(status, 0.0) + (now if now < was else now - was)
    evidence = {
        "metric": metric,
        "seconds": round(taken, 2),
        "pods": [str(door) for door in doors],
        "by_status": by_status,
        "counters_that_went_back": resets,
    }
    where = f"{metric} of {len(doors)} pods behind Service {component.namespace}/{component.service}"
    return _Traffic(where, taken, by_status, evidence)


def _counts(pages: list[MetricsPage], metric: str) -> list[Mapping[Labels, float]]:
    """One counter of each pod. Raises Unreachable where one doesn't have it: that is not zero."""
    for page in pages:
        if not page.metric(metric):
            raise Unreachable(f"{page.where} has no {metric}: name the counter of requests as parameter metric")
    return [page.metric(metric) for page in pages]
