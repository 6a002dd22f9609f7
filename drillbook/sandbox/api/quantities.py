"""Kubernetes writes quantities in one canonical form: ``1000m`` comes back as ``1``, ``1024Mi`` as ``1Gi``."""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from typing import Final

_SHAPE: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")
_DECIMAL: Final = {
    s: Decimal(10) ** (3 * p) for p, s in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
}
_BINARY: Final = {s: Decimal(1024) ** p for p, s in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}
_NANO: Final = Decimal("1e-9")


def canonical(text: str) -> str:
    """The canonical form. ValueError with Kubernetes' sentence when it is no quantity."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, exponent, suffix = match[1], match[2], match[3] or ""
    if exponent:
        value = Decimal(number + exponent)
        return _exponential(value.quantize(_NANO, ROUND_UP) if value % _NANO else value)
    binary = suffix.endswith("i")
    value = Decimal(number) * (_BINARY if binary else _DECIMAL)[suffix]
    if value == 0:
        return "0"
    if binary and abs(value) >= 1024:
        value = value.to_integral_value(ROUND_UP)
        return _shortest(value, _BINARY)
    return _shortest(value.quantize(_NANO, ROUND_UP) if value % _NANO else value, _DECIMAL)


def parse(text: str) -> Decimal:
    """The value of a quantity, exactly. ValueError as ``canonical``."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(f"no quantity: {text!r}")
    if match[2]:
        return Decimal(match[1] + match[2])
    suffix = match[3] or ""
    return Decimal(match[1]) * (_BINARY if suffix.endswith("i") else _DECIMAL)[suffix]


def _shortest(value: Decimal, units: dict[str, Decimal]) -> str:
    """The biggest unit that leaves a whole number."""
    for suffix, unit in reversed(units.items()):
        if value % unit == 0:
            return f"{int(value / unit)}{suffix}"
    raise AssertionError(f"{value} was rounded to the smallest unit")


def _exponential(value: Decimal) -> str:
    if value == 0:
        return "0"
    for power in range(18, -10, -3):
        if value % (Decimal(10) ** power) == 0:
            whole = int(value / Decimal(10) ** power)
            return f"{whole}e{power}" if power else str(whole)
    raise AssertionError(f"{value} was rounded to the smallest unit")
