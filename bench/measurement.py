"""What a measurement is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.ground import Ground


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number that was promised, and how to take it."""

    name: str
    what: str
    """One line for a person."""
    unit: str
    limit: float
    """The median must be below, in the same unit; infinite where nothing is promised and it is only shown."""
    take: Callable[[Ground], Sequence[float]]
    """Takes the samples."""
    at_least: bool = False
    """The median must reach the limit instead: more is better."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of one measurement."""

    measurement: Measurement
    samples: tuple[float, ...]

    @property
    def value(self) -> float:
        return median(self.samples)

    @property
    def ratio(self) -> float:
        """Of the limit: below 1 is as promised; where more is better, of the value, and 1 is as promised too."""
        limit = self.measurement.limit
        return limit / self.value if self.measurement.at_least else self.value / limit

    @property
    def kept(self) -> bool:
        return self.ratio <= 1 if self.measurement.at_least else self.ratio < 1
