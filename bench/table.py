"""The table that a person reads, and the same for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.measurement import Measurement, Result

_HEADS = ("measurement", "median", "target", "of target", "range", "samples", "verdict")


def text(results: Sequence[Result]) -> str:
    """Columns with the numbers to the right."""
    rows = [_HEADS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in {0, 6} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def record(results: Sequence[Result]) -> list[dict[str, object]]:
    """For programs: everything that was measured."""
    return [
        {
            "name": result.measurement.name,
            "unit": result.measurement.unit,
            "limit": result.measurement.limit if promised(result) else None,
            "at_least": result.measurement.at_least,
            "median": result.value,
            "ratio": result.ratio,
            "samples": list(result.samples),
        }
        for result in results
    ]


def _row(result: Result) -> tuple[str, ...]:
    unit = result.measurement.unit
    return (
        result.measurement.name,
        f"{_number(result.value)} {unit}",
        _target(result.measurement),
        f"{result.ratio:.2f}" if promised(result) else "",
        f"{_number(min(result.samples))} to {_number(max(result.samples))}",
        str(len(result.samples)),
        ("kept" if result.kept else "MISSED") if promised(result) else "",
    )


def promised(result: Result) -> bool:
    """Whether there is a target at all; some are only shown beside another."""
    return math.isfinite(result.measurement.limit)


def _target(measurement: Measurement) -> str:
    if not math.isfinite(measurement.limit):
        return "none"
    return f"{'>=' if measurement.at_least else '<'} {_number(measurement.limit)} {measurement.unit}"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
