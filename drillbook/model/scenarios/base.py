"""A scenario: series as exporters would give them, and whether an alert on them should fire. Pure.

What an expression returns can't be read off its text. So it is tried: on series that have the fault and on series that
have something else which resembles it, a scenario for each way in which such expressions are got wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

STEP: Final = 30
"""Seconds between two points of a series."""
EVALUATED: Final = 60
"""Seconds between two evaluations of a rule."""
LOOKED_AT: Final = 1800
"""Second, besides those of ``for``, at which it is looked at whether the alert fires; windows of a while are full."""
LONG_AGO: Final = LOOKED_AT - 1200
"""Second at which what is over has ended."""
POINTS: Final = LOOKED_AT // STEP + 60
"""How many points each series has: half an hour beyond the second that is looked at, for rules that wait."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its metric, its labels, and its points in promtool's notation (``0+150x240``)."""

    metric: str
    labels: Mapping[str, str]
    values: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story that an alert is tried on."""

    name: str
    lines: tuple[Line, ...]
    fires: bool
    """Whether it should."""
    wrong: str
    """What is wrong with an expression that does the other thing, as the end of a sentence."""


def counter(metric: str, labels: Mapping[str, str], rate: float, *, until: int | None = None) -> Line:
    """A counter that grows by ``rate`` a second; until a second, and stands still from then on."""
    if until is None:
        return Line(metric, labels, f"0+{rate * STEP:.9g}x{POINTS}")
    points = until // STEP
    last = rate * STEP * points
    return Line(metric, labels, f"0+{rate * STEP:.9g}x{points} {last:.9g}x{POINTS - points - 1}")


def gauge(metric: str, labels: Mapping[str, str], value: float) -> Line:
    """A gauge that stays where it is."""
    return Line(metric, labels, f"{value:.12g}x{POINTS}")


def gone(metric: str, labels: Mapping[str, str], value: float, at: int) -> Line:
    """A series that ends at a second, as that of a target that isn't there any more does."""
    return Line(metric, labels, f"{value:.12g}x{at // STEP} stale")


def between(limit: float, most: float = 1.0) -> float:
    """A ratio beyond its limit that can be: half way to the most that there can be."""
    return (limit + most) / 2
