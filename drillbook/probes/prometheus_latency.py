"""A percentile of answer times out of Prometheus' histograms: the bucket that it lies in, and no guess inside of it.

``histogram_quantile`` interpolates, which is a value that nobody measured, and above the last edge it says that edge.
Here the bounds are the bucket's own, infinite above the last edge; so a limit is judged where an edge stands at it, and
what would make it surer is an edge there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, Final, NamedTuple

from drillbook.clients.prometheus import Series
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
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
from drillbook.probes.prometheus_held import look_back, moments_of
from drillbook.probes.prometheus_http import USERS
from drillbook.probes.scene import Scene, needed

DURATIONS: Final = "http_request_duration_seconds"
_Z: Final = NormalDist().inv_cdf(0.975)


class Bucket(NamedTuple):
    """Where a quantile lies, and how many requests stand behind it."""

    low: float
    high: float
    requests: float


async def latency(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The percentile of all users' requests of the window; with ``for``, the best that it was all that time."""
    asked = needed(component, "http.latency")
    subject, lasting = await subject_of(scene, asked, parameters), lasting_of(parameters)
    metric, quantile = parameters.get("metric") or DURATIONS, parameters["percentile"] / 100
    if lasting is None:
        window = window_of(parameters)
        seen = await watched(scene, subject, window)
        found = await subject.prometheus.query(_buckets(subject, metric, window, "increase"))
        at = {one.labels.get("le", ""): one.last for one in found}
        buckets = [bucket] if (bucket := bucket_of(at, quantile)) else []
    else:
        seen = await watched(scene, subject, lasting)
        window = window_of(parameters, RATE_SAMPLES * seen.interval)
        series = await look_back(subject.prometheus, _buckets(subject, metric, window, "rate"), lasting, seen.interval)
        buckets = _each_moment(series, quantile, window)
    over = f"for {lasting:g} s" if lasting is not None else f"over {window:g} s"
    where = f"{metric} of {subject.selector} {over} at {subject.prometheus.where}"
    evidence = {
        "percentile": parameters["percentile"],
        "window_seconds": round(window, 3),
        "history": seen.told,
        "bounds": "the histogram's bucket, of binomial order statistics at 95 %",
    }
    if not buckets:
        await _must_exist(subject, metric, where)
        problem = "no request was timed, so there is no percentile"
        return scene.unseen(Dimension.DURATION, where, problem, remedy="send traffic", evidence=evidence)
    return _told(scene, where, buckets, seen, lasting, evidence)


def _told(
    scene: Scene, where: str, buckets: Sequence[Bucket], seen: Watched, lasting: float | None, evidence: dict[str, Any]
) -> Observation:
    """Of several moments the best one: what it was at least, all the time."""
    best = min(buckets, key=lambda one: one.high)
    low = min(one.low for one in buckets)
    complete = lasting is None or len(buckets) >= 0.95 * moments_of(lasting, seen.interval)[1]
    requests = sum(one.requests for one in buckets) if lasting is not None else best.requests
    evidence |= {"bucket_seconds": [best.low, str(best.high)], "moments": len(buckets)}
    remedy = seen.remedy or f"needs {4 * math.ceil(requests):,} requests, or an edge of the histogram at the limit"
    return scene.seen(
        Dimension.DURATION,
        where,
        best.high,
        low=low if complete else 0,
        high=best.high,
        samples=max(1, round(requests)),
        remedy=remedy,
        evidence=evidence,
    )


def bucket_of(cumulative: Mapping[str, float], quantile: float) -> Bucket | None:
    """The bounds of a quantile in a cumulative histogram, by its edges ``le``; None where nothing was counted.

    The quantile of so many requests lies, at 95 %, between two order statistics (normal approximation of the binomial;
    David & Nagaraja, Order Statistics, 7.1); the bounds are the lower edge of the one's bucket and the upper edge of
    the other's.
    """
    edges = sorted((float(edge), count) for edge, count in cumulative.items() if edge)
    total = edges[-1][1] if edges else 0.0
    if total <= 0 or not math.isfinite(total):
        return None
    spread = _Z * math.sqrt(total * quantile * (1 - quantile))
    ranks = (quantile * total - spread, min(total, quantile * total + spread))
    low = max((edge for edge, count in edges if count < ranks[0]), default=0.0)
    high = next((edge for edge, count in edges if count >= ranks[1] - 1e-9 * total), math.inf)
    return Bucket(low, max(low, high), total)


def _each_moment(series: Sequence[Series], quantile: float, window: float) -> list[Bucket]:
    """The quantile's bucket at every moment at which there were requests. Rates of a window become its requests."""
    moments: dict[float, dict[str, float]] = {}
    for one in series:
        for at, value in one.points:
            moments.setdefault(at, {})[one.labels.get("le", "")] = value * window
    return [bucket for at in sorted(moments) if (bucket := bucket_of(moments[at], quantile))]


def _buckets(subject: Subject, metric: str, window: float, function: str) -> str:
    return f"sum by (le) ({function}({subject.series(f'{metric}_bucket', *USERS)}[{prom_duration(window)}]))"


async def _must_exist(subject: Subject, metric: str, where: str) -> None:
    if not await subject.prometheus.query(f"count({subject.series(f'{metric}_bucket')})"):
        raise Unreachable(f"{where}: there is no histogram {metric}_bucket; name the one there is (parameter metric)")
