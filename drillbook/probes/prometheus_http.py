"""What users see of an API, as Prometheus remembers it: all pods together, over a window or for a while.

Ratios are of sums and never means of ratios; quantiles are of all requests' histogram and never means of quantiles,
told as the bucket that they lie in. Scrapes and probes are no users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.model.statistics import wilson
from drillbook.probes.prometheus import (
    RATE_SAMPLES,
    Subject,
    Watched,
    lasting_of,
    prom_duration,
    subject_of,
    watched,
    window_of,
)
from drillbook.probes.prometheus_held import held, look_back, moments_of, told
from drillbook.probes.scene import Scene, needed
from drillbook.probes.scrapes import OWN_PATHS, poisson_bounds

REQUESTS: Final = "http_requests_total"
STATUS: Final = ("status", "code", "status_code")
"""Labels that say how an answer ended; which one, depends on the library that counts."""
USERS: Final = tuple(f'{name}!~"{"|".join(sorted(OWN_PATHS))}"' for name in ("path", "route", "handler"))


@dataclass(frozen=True, slots=True)
class _Counted:
    """Users' requests of a window, by status."""

    where: str
    window: float
    watched: Watched
    by_status: Mapping[str, float]

    @property
    def requests(self) -> float:
        return sum(self.by_status.values())

    def having(self, status: str) -> float:
        wanted = status.lower().replace("x", "")
        return sum(count for found, count in self.by_status.items() if found.startswith(wanted))

    @property
    def evidence(self) -> dict[str, Any]:
        counts = {status: round(count, 2) for status, count in self.by_status.items()}
        return {"window_seconds": self.window, "by_status": counts, "history": self.watched.told}


async def error_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Answers with 5xx over all answers of the window; with ``for``, what the ratio was all that time."""
    asked = needed(component, "http.error_ratio")
    lasting = lasting_of(parameters)
    if lasting is not None:
        return await _held_ratio(scene, asked, parameters, lasting)
    return await _share(scene, asked, parameters, "5")


async def status_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The share of a status (``429``, ``4xx``) in all answers of the window."""
    return await _share(scene, needed(component, "http.status_ratio"), parameters, str(parameters["status"]))


async def availability(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The share of users' requests that weren't answered with 5xx. A time that nobody watched could have been all bad.

    Of requests, and not ``avg_over_time(up)``: that is of scrapes, and a target that is gone has none.
    """
    counted = await _counted(scene, needed(component, "http.availability"), parameters)
    if round(counted.requests) == 0:
        return _no_traffic(scene, counted)
    total = round(counted.requests)
    ratio, low, high = wilson(total - min(total, round(counted.having("5"))), total)
    share = counted.watched.share
    return scene.seen(
        Dimension.RATIO,
        counted.where,
        ratio,
        low=low * share,
        high=high * share + (1 - share),
        samples=total,
        remedy=counted.watched.remedy or f"needs {4 * total:,} requests",
        evidence=counted.evidence | {"bounds": "Wilson score, 95 %; unseen time could be anything"},
    )


async def throughput(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Users' requests a second, of all pods together, over the window."""
    counted = await _counted(scene, needed(component, "http.throughput"), parameters, told_apart=False)
    return _rate(scene, counted, counted.requests)


async def error_rate(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Answers with 5xx a second, of all pods together: 0 where there is traffic and no series of errors yet."""
    counted = await _counted(scene, needed(component, "http.error_rate"), parameters)
    return _rate(scene, counted, counted.having("5"))


async def _share(scene: Scene, component: Component, parameters: Mapping[str, Any], status: str) -> Observation:
    counted = await _counted(scene, component, parameters)
    total = round(counted.requests)
    if total == 0:
        return _no_traffic(scene, counted)
    ratio, low, high = wilson(min(total, round(counted.having(status))), total)
    return scene.seen(
        Dimension.RATIO,
        counted.where,
        ratio,
        low=low,
        high=high,
        samples=total,
        remedy=f"needs {4 * total:,} requests",
        evidence=counted.evidence | {"bounds": "Wilson score, 95 %"},
    )


def _rate(scene: Scene, counted: _Counted, count: float) -> Observation:
    # An increase speaks of the whole window as soon as there are scrapes near both of its ends.
    whole = counted.watched.share == 1
    seconds = counted.window if whole else max(counted.watched.seen, counted.watched.interval)
    low, high = poisson_bounds(count)
    return scene.seen(
        Dimension.RATE,
        counted.where,
        round(count / seconds, 6),
        low=round(min(low, count) / seconds, 6),
        high=round(max(high, count) / seconds, 6),
        remedy=counted.watched.remedy or "look over a longer time (parameter window)",
        evidence=counted.evidence | {"events": round(count, 2), "bounds": "Poisson, 95 %"},
    )


def _no_traffic(scene: Scene, counted: _Counted) -> Observation:
    problem = f"no request was counted in {counted.window:g} s, so there is no share of anything"
    remedy = "send traffic, or look over a longer time (parameter window)"
    return scene.unseen(Dimension.RATIO, counted.where, problem, remedy=remedy, evidence=counted.evidence)


async def _counted(
    scene: Scene, component: Component, parameters: Mapping[str, Any], *, told_apart: bool = True
) -> _Counted:
    """Requests of the window, by status. Raises Unreachable for a counter that isn't there or has no status."""
    subject, window = await subject_of(scene, component, parameters), window_of(parameters)
    seen = await watched(scene, subject, window)
    metric = parameters.get("metric") or REQUESTS
    where = f"{metric} of {subject.selector} over {window:g} s at {subject.prometheus.where}"
    _enough(seen, where)
    found = await subject.prometheus.query(f"sum by ({','.join(STATUS)}) ({_increase(subject, metric, window)})")
    if not found:
        return _Counted(where, window, seen, await _none_yet(subject, metric, where))
    by_status: dict[str, float] = {}
    for one in found:
        status = next((one.labels[name] for name in STATUS if one.labels.get(name)), "")
        by_status[status] = by_status.get(status, 0.0) + one.last
    if told_apart and "" in by_status:
        raise Unreachable(f"{where} has no label {', '.join(STATUS)}: name a counter that has one (parameter metric)")
    return _Counted(where, window, seen, by_status)


def _increase(subject: Subject, metric: str, window: float) -> str:
    """How far counters went. One that is born counts from zero where its target was seen before: ``increase`` would
    miss what it began with, which for a first burst of errors is all of it."""
    series, span = subject.series(metric, *USERS), prom_duration(window)
    born = f"({series} unless {series} offset {span}) and on (job, instance) {subject.series('up')} offset {span}"
    return f"({born}) or increase({series}[{span}])"


async def _none_yet(subject: Subject, metric: str, where: str) -> Mapping[str, float]:
    """No user has asked for anything yet, which the same counter of scrapes and probes shows. Raises Unreachable."""
    if await subject.prometheus.query(f"count({subject.series(metric)})"):
        return {}
    raise Unreachable(f"{where}: there is no such series; name the counter of requests (parameter metric)")


def _enough(seen: Watched, where: str) -> None:
    if seen.scrapes < RATE_SAMPLES:
        raise Unreachable(
            f"{where}: {seen.scrapes} scrapes in the window, and a rate needs {RATE_SAMPLES}; {seen.remedy}".rstrip(
                "; "
            )
        )


async def _held_ratio(scene: Scene, component: Component, parameters: Mapping[str, Any], lasting: float) -> Observation:
    """What the ratio of errors was at every moment of the while; moments without traffic say nothing."""
    subject = await subject_of(scene, component, parameters)
    seen = await watched(scene, subject, lasting)
    window = window_of(parameters, RATE_SAMPLES * seen.interval)
    metric = parameters.get("metric") or REQUESTS
    found = await look_back(subject.prometheus, _ratio(subject, metric, window), lasting, seen.interval)
    where = f"{metric} of {subject.selector}, 5xx over all for {lasting:g} s at {subject.prometheus.where}"
    moments = moments_of(lasting, seen.interval)[1]
    result = held(found, moments, "above", 0.0)
    evidence: dict[str, Any] = {"window_seconds": round(window, 3), "history": seen.told}
    if result is None:
        problem = f"no request was counted in the last {lasting:g} s, so there is no share of anything"
        return scene.unseen(Dimension.RATIO, where, problem, remedy="send traffic", evidence=evidence)
    return scene.seen(
        Dimension.RATIO,
        where,
        round(result.value, 6),
        low=round(result.low, 6),
        high=round(result.high, 6),
        samples=result.moments,
        remedy=seen.remedy or "send traffic all the time",
        evidence=evidence | told(result, moments, found),
    )


def _ratio(subject: Subject, metric: str, window: float) -> str:
    """5xx over all, of the same set of requests: 0 without an error, nothing without a request."""
    span = prom_duration(window)
    total = f"sum(rate({subject.series(metric, *USERS)}[{span}]))"
    errors = " or ".join(f"sum(rate({subject.series(metric, *USERS, f'{name}=~"5.."')}[{span}]))" for name in STATUS)
    return f"({errors} or 0 * {total}) / ({total} > 0)"
