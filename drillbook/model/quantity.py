"""Quantities: a number with a dimension, read the way runbooks and Kubernetes write them.

Everything is kept exactly, as a Decimal in the dimension's base unit: seconds, a ratio (1 % is 0.01), bytes, cores,
a plain count, or events per second. So ``2000m`` cores equals ``2``, and ``0.1`` is 0.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Dimension(StrEnum):
    """What a number speaks of; the value is the name used in sentences."""

    DURATION = "duration"
    RATIO = "ratio"
    COUNT = "count"
    BYTES = "bytes"
    CORES = "cores"
    RATE = "rate"


_DURATIONS: Final = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
_BYTES: Final = (
    {"": Decimal(1), "B": Decimal(1)}
    | {f"{prefix}{b}": Decimal(1000) ** power for power, prefix in enumerate("kMGTPE", 1) for b in ("", "B")}
    | {f"{prefix}i{b}": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", 1) for b in ("", "B")}
)
UNITS: Final[dict[Dimension, dict[str, Decimal]]] = {
    Dimension.DURATION: _DURATIONS,
    Dimension.RATIO: {"%": Decimal("0.01"), "": Decimal(1)},
    Dimension.COUNT: {"": Decimal(1)},
    Dimension.BYTES: _BYTES,
    Dimension.CORES: {"": Decimal(1), "m": Decimal("0.001"), "cores": Decimal(1)},
    Dimension.RATE: {"/s": Decimal(1), "/min": Decimal(1) / 60, "/h": Decimal(1) / 3600},
}
_EXAMPLES: Final = {
    Dimension.DURATION: "'500 ms' or '1h30m'",
    Dimension.RATIO: "'85 %' or '0.85'",
    Dimension.COUNT: "'80'",
    Dimension.BYTES: "'512Mi'",
    Dimension.CORES: "'500m' or '2'",
    Dimension.RATE: "'20 /s'",
}
_TERM: Final = re.compile(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([%/A-Za-zµ]*)\s*")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in the base unit of its dimension."""

    value: Decimal
    dimension: Dimension

    @classmethod
    def parse(cls, text: str, dimension: Dimension) -> Quantity:
        """Read ``text`` as a ``dimension``; only durations may have several terms (``1h30m``).

        Raises ValueError with a sentence when the number or its unit can't be read.
        """
        total, position, terms = Decimal(0), 0, 0
        while position < len(text):
            match = _TERM.match(text, position)
            if match is None:
                break
            total += Decimal(match[1]) * _factor(match[2], dimension, text)
            position, terms = match.end(), terms + 1
        if position < len(text) or terms == 0 or (terms > 1 and dimension is not Dimension.DURATION):
            raise ValueError(f"expected a {dimension} such as {_EXAMPLES[dimension]}, found {text!r}")
        if dimension is Dimension.RATIO and "%" not in text and not 0 <= total <= 1:
            raise ValueError(
                f"expected a ratio from 0 to 1 or a percentage, found {text!r}; did you mean '{text.strip()} %'?"
            )
        return cls(total, dimension)

    def __str__(self) -> str:
        return render(self.value, self.dimension)


def _factor(unit: str, dimension: Dimension, text: str) -> Decimal:
    units = UNITS[dimension]
    if unit in units:
        return units[unit]
    known = ", ".join(repr(u) for u in units if u) or "none: a plain number"
    found = f"unknown unit {unit!r}" if unit else "no unit"
    raise ValueError(f"{found} in {text!r}: a {dimension} takes {known}")


def duration(text: str) -> timedelta:
    """``15m`` as a timedelta, to the microsecond. Raises ValueError with a sentence."""
    return timedelta(seconds=float(Quantity.parse(text, Dimension.DURATION).value))


def render(value: Decimal | float, dimension: Dimension) -> str:
    """``value``, in base units, as a person reads it: ``1.25 s``, ``4.2 %``, ``512Mi``, ``500m``."""
    number = float(value)
    match dimension:
        case Dimension.DURATION:
            return _render_duration(number)
        case Dimension.RATIO:
            return f"{_short(number * 100)} %"
        case Dimension.BYTES:
            return _render_bytes(number)
        case Dimension.CORES:
            return _short(number) if number == int(number) else f"{_short(number * 1000)}m"
        case Dimension.RATE:
            return f"{_short(number)} /s"
        case Dimension.COUNT:
            return _short(number)


def _render_duration(seconds: float) -> str:
    size = abs(seconds)
    if size and size < 1:
        return f"{_short(seconds * 1000)} ms"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * length or (size >= length and size % length == 0):
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds)} s"


def _render_bytes(number: float) -> str:
    for power, prefix in reversed(tuple(enumerate("KMGTPE", 1))):
        if abs(number) >= 1024**power:
            return f"{_short(number / 1024**power)}{prefix}i"
    return f"{_short(number)} B"


def _short(number: float) -> str:
    """Three significant digits below 1000, whole numbers as they are."""
    if number == int(number):
        return str(int(number))
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"
