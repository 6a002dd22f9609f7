"""Quantities: a number with a dimension, read the way runbooks and Kubernetes write them.

Everything is kept exactly, as a Decimal in the dimension's base unit: seconds, a ratio (1 % is 0.01), bytes, cores,
a plain count, or events per second. So ``2000m`` cores equals ``2``, and ``0.1`` is 0.1.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final


class Dimension(StrEnum):
    """What a number speaks of."""

    DURATION = "duration"
    RATIO = "ratio"
    COUNT = "count"
    BYTES = "bytes"
    CORES = "cores"
    RATE = "rate"
    TEXT = "text"
    """No number at all: an image, a setting, a version."""

    @property
    def noun(self) -> str:
        """As sentences say it: ``a duration``."""
        return {"bytes": "a size in bytes", "cores": "a number of cores", "text": "text"}.get(self, f"a {self}")


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
# As many digits as any quantity needs, and no more than _EXACT multiplies exactly.
_TERM: Final = re.compile(r"\s*([+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9])?)\s*([%/A-Za-zµ]*)\s*")
_EXACT: Final = Context(prec=200)
"""Digits enough for the product of any such number and any unit above."""
_WRITTEN_IN: Final = {
    Dimension.DURATION: ("d", "h", "min", "s", "ms", "us", "ns"),
    Dimension.RATIO: ("%",),
    Dimension.COUNT: ("",),
    Dimension.BYTES: ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki", "B"),
    Dimension.CORES: ("", "m"),
    Dimension.RATE: ("/h", "/min", "/s"),
}
"""The units that quantities are written in, longest first."""


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
            if match is None or (terms and match[1][0] in "+-"):
                break
            total = _EXACT.add(total, _EXACT.multiply(Decimal(match[1]), _factor(match[2], dimension, text)))
            position, terms = match.end(), terms + 1
        if position < len(text) or terms == 0 or (terms > 1 and dimension is not Dimension.DURATION):
            raise ValueError(
                f"expected {dimension.noun} such as {_EXAMPLES.get(dimension, 'a number')}, found {text!r}"
            )
        if dimension is Dimension.RATIO and "%" not in text and not 0 <= total <= 1:
            raise ValueError(
                f"expected a ratio from 0 to 1 or a percentage, found {text!r}; did you mean '{text.strip()} %'?"
            )
        return cls(total, dimension)

    def __str__(self) -> str:
        """Exactly this quantity, in the unit that takes the fewest digits, so that ``parse`` reads it back.

        A value that no policy could have written (a third, infinity) is rounded.
        """
        written = [w for unit in _WRITTEN_IN[self.dimension] if (w := _written(self.value, self.dimension, unit))]
        if not self.value or not written:
            return render(self.value, self.dimension)
        return min(written, key=lambda w: (w.lstrip("-").startswith("0."), sum(map(str.isdigit, w)), len(w)))


def _factor(unit: str, dimension: Dimension, text: str) -> Decimal:
    units = UNITS[dimension]
    if unit in units:
        return units[unit]
    known = ", ".join(repr(u) for u in units if u) or "none: a plain number"
    found = f"unknown unit {unit!r}" if unit else "no unit"
    raise ValueError(f"{found} in {text!r}: {dimension.noun} takes {known}")


def _written(value: Decimal, dimension: Dimension, unit: str) -> str | None:
    """``value`` in ``unit`` when ``parse`` reads exactly that; None otherwise."""
    factor = UNITS[dimension][unit]
    number = _EXACT.divide(value, factor)
    text = f"{_EXACT.normalize(number):f}"
    if _EXACT.multiply(number, factor) != value or not _TERM.fullmatch(text):
        return None
    return f"{text}{unit}" if unit == "m" or unit.endswith("i") else f"{text} {unit}".rstrip()


def duration(text: str) -> timedelta:
    """``15m`` as a timedelta, to the microsecond. Raises ValueError with a sentence."""
    seconds = Quantity.parse(text, Dimension.DURATION).value
    try:
        return timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise ValueError(f"expected a duration of at most a million years, found {text!r}") from None


def render(value: Decimal | float, dimension: Dimension, digits: int = 3) -> str:
    """``value``, in base units, as a person reads it: ``1.25 s``, ``4.2 %``, ``512Mi``, ``500m``.

    Rounded to ``digits`` significant ones, but never before the point. Infinity stands for an answer that never came.
    """
    number = float(value)
    if math.isinf(number):
        return "no answer" if dimension is Dimension.DURATION else "no bound"
    match dimension:
        case Dimension.DURATION:
            return _render_duration(number, digits)
        case Dimension.RATIO:
            return f"{_short(number * 100, digits)} %"
        case Dimension.BYTES:
            return _render_bytes(number, digits)
        case Dimension.CORES:
            return _short(number, digits) if abs(number) >= 1 or not number else f"{_short(number * 1000, digits)}m"
        case Dimension.RATE:
            return f"{_short(number, digits)} /s"
        case Dimension.COUNT | Dimension.TEXT:
            return _short(number, digits)


def _render_duration(seconds: float, digits: int) -> str:
    size = abs(seconds)
    if size and size < 1:
        return f"{_short(seconds * 1000, digits)} ms"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * length or (size >= length and size % length == 0):
            return f"{_short(seconds / length, digits)} {unit}"
    return f"{_short(seconds, digits)} s"


def _render_bytes(number: float, digits: int) -> str:
    for power, prefix in reversed(tuple(enumerate("KMGTPE", 1))):
        if abs(number) >= 1024**power:
            return f"{_short(number / 1024**power, digits)}{prefix}i"
    return f"{_short(number, digits)} B"


def _short(number: float, digits: int) -> str:
    """``digits`` significant ones, never in scientific notation, whole numbers as they are."""
    if number == int(number):
        return str(int(number))
    places = max(0, digits - 1 - math.floor(math.log10(abs(number))))
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
