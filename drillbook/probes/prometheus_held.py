"""Conditions that must have held for a while: "above 5 % for more than five minutes".

Such a condition holds when it held at every moment. So of the values seen the best one is what counts: a moment without
the fault ends it. What wasn't seen could have been as good as can be, so a history that is too short can show that a
condition did *not* hold all the time, and never that it did.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from drillbook.clients.prometheus import Prometheus, Series

STEPS: Final = 60
"""Into so many moments a while is divided, as far as the scrapes go."""
_MISSED: Final = 0.95
"""The share of moments that must have a value: a scrape may be late."""

type Worse = Literal["above", "below"]
"""On which side of a limit the fault lies."""


@dataclass(frozen=True, slots=True)
class Held:
    """What held all the time: the best value of the worst series, and what the unseen moments leave open."""

    value: float
    low: float
    high: float
    labels: Mapping[str, str]
    """Of the series that it is the value of."""
    moments: int
    """At which that series had a value."""
    complete: bool


def moments_of(seconds: float, interval: float) -> tuple[float, int]:
    """The step in seconds to look at, and how many moments there are in a while, both ends counted."""
    step = max(interval, seconds / STEPS)
    return step, math.floor(seconds / step + 1e-9) + 1


async def look_back(prometheus: Prometheus, expression: str, seconds: float, interval: float) -> tuple[Series, ...]:
    """What an expression gave at each moment of the last ``seconds``; values that are no numbers are no values."""
    step, moments = moments_of(seconds, interval)
    now = await prometheus.now()
    found = await prometheus.query_range(expression, now - (moments - 1) * step, now, step)
    counted = (Series(one.labels, tuple(p for p in one.points if math.isfinite(p[1]))) for one in found)
    return tuple(one for one in counted if one.points)


def held(series: Iterable[Series], moments: int, worse: Worse, best: float) -> Held | None:
    """What held in the worst of these series; None where there is none. ``best`` is as good as a value can be."""
    found = [_held(one, moments, worse, best) for one in series]
    if not found:
        return None
    if worse == "above":
        worst = max(found, key=lambda one: one.value)
        bounds = max(one.low for one in found), worst.value
    else:
        worst = min(found, key=lambda one: one.value)
        bounds = worst.value, min(one.high for one in found)
    return Held(worst.value, *bounds, worst.labels, worst.moments, worst.complete)


def _held(one: Series, moments: int, worse: Worse, best: float) -> Held:
    values = [value for _, value in one.points]
    complete = len(values) >= _MISSED * moments
    value = min(values) if worse == "above" else max(values)
    unseen = value if complete else best
    low, high = (min(unseen, value), value) if worse == "above" else (value, max(unseen, value))
    return Held(value, low, high, one.labels, len(values), complete)


def told(found: Held, moments: int, series: Sequence[Series]) -> dict[str, Any]:
    """The evidence: how many moments were asked for and seen, and the worst and best value among them."""
    mine = next(one for one in series if one.labels == found.labels)
    values = [value for _, value in mine.points]
    return {
        "moments": moments,
        "moments_seen": found.moments,
        "least": round(min(values), 6),
        "most": round(max(values), 6),
        "series": len(series),
        "worst_series": dict(found.labels),
    }
