"""Lengths of time in words that fit a drawing or a table: ``1.42 s``, ``+0.3 s``, ``12 min``."""

from __future__ import annotations

from enum import Enum, auto


class Span(Enum):
    """How a length of time is written."""

    PLAIN = auto()
    SIGNED = auto()
    """With a plus or a minus in front: a distance from a moment."""
    SHORT = auto()
    """Of an axis: as few digits as there can be."""


def span(seconds: float | None, how: Span = Span.PLAIN, step: float | None = None) -> str:
    """``seconds`` as a person reads it; None is ``–``. ``step`` is the resolution of an axis: no digits below it."""
    if seconds is None:
        return "–"
    sign = ("−" if seconds < 0 else "+" if seconds > 0 else "") if how is Span.SIGNED else "−" if seconds < 0 else ""
    return sign + _size(abs(seconds), how, step)


def _size(seconds: float, how: Span, step: float | None) -> str:
    if step is not None and step < 1 and seconds < 120:
        return f"{seconds:.{2 if step < 0.1 else 1}f} s" if seconds else "0 s"
    if seconds and seconds < 0.9995:
        digits = seconds * 1000
        return f"{digits:.0f} ms" if digits >= 10 or digits == round(digits) else f"{digits:.2g} ms"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (seconds >= length and seconds % length == 0):
            return f"{seconds / length:.3g} {unit}"
    if how is Span.SHORT or seconds == int(seconds):
        return f"{seconds:.3g} s"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
