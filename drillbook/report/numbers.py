"""Numbers and foreign values as JSON can hold them. Total: whatever comes in, valid JSON goes out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from drillbook.clock import iso
from drillbook.model.quantity import Dimension, render

UNITS: Final[Mapping[Dimension, str]] = {
    Dimension.DURATION: "seconds",
    Dimension.RATIO: "ratio",
    Dimension.COUNT: "count",
    Dimension.BYTES: "bytes",
    Dimension.CORES: "cores",
    Dimension.RATE: "per_second",
    Dimension.TEXT: "text",
}
"""The base unit of each dimension, by the name that ``run.json`` gives it."""

_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_HUGE: Final = 1e300
_EXACT: Final = Decimal(2**53)
_DEEPEST: Final = 20


def number(value: Decimal | float | None) -> int | float | None:
    """A JSON number: whole ones as integers, others as the nearest double; None where JSON has no such number."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(value)
    if not exact.is_finite():
        return None
    if abs(exact) < _EXACT and exact == exact.to_integral_value():
        return int(exact)
    nearest = float(exact)
    return nearest if math.isfinite(nearest) else None


def words(value: Decimal | float | None, dimension: Dimension) -> str:
    """The same number as a person reads it; an infinity has words of its own, None is ``nothing seen``."""
    if value is None:
        return "nothing seen"
    # Units multiply: what is near the largest double would overflow on the way to words.
    return render(value if abs(float(value)) < _HUGE else math.inf, dimension)


def text(value: object) -> str:
    """``str(value)`` as text that is safe in every format, a terminal's included.

    Lone surrogates become question marks; control characters (escape sequences live on them) and those that reverse
    the direction of writing become U+FFFD. New lines and tabs stay.
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(value).encode("utf-8", "replace").decode())


def plain(value: Any, depth: int = 0) -> Any:
    """Any value as JSON: numbers by ``number`` (an infinity or NaN becomes its name), times as ISO 8601, else text.

    Structures deeper than 20 levels are cut to their text, so that a structure which contains itself ends.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value, depth)
        case str():
            return text(value)
        case int() | float() | Decimal():
            found = number(value)
            return str(value) if found is None else found
        case datetime():
            return iso(value)
        case date():
            return value.isoformat()
        case bytes() | bytearray():
            return bytes(value).decode("utf-8", "replace")
        case Mapping() if depth < _DEEPEST:
            return {text(k): plain(v, depth + 1) for k, v in value.items()}
        case Sequence() | Set() if depth < _DEEPEST:
            return [plain(v, depth + 1) for v in value]
        case _:
            return text(value)
