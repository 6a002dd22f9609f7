"""``--since``: the objectives that look back over a window, asked for another window than the policy's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from drillbook.errors import ConfigError
from drillbook.model.indicators import INDICATORS
from drillbook.model.policy import Objective
from drillbook.model.quantity import duration

_WINDOW: Final = "window"
"""The parameter that says how far an indicator looks back."""
_EXPECTED: Final = "expected how far back, such as 2h, or a moment, such as 2026-11-21T09:00Z"


def looks_back(objective: Objective) -> bool:
    """Whether its indicator, through its source, counts what happened within a window."""
    return _WINDOW in INDICATORS[objective.indicator].parameters_for(objective.via)


def looking_back(objectives: Sequence[Objective], since: str, now: datetime) -> tuple[Objective, ...]:
    """The objectives, those that look back with ``since`` (a duration, or a moment in UTC) as their window.

    Raises ConfigError for anything else, for a moment to come, and where none of the objectives looks back.
    """
    window = f"{_seconds(since, now)} s"
    if not any(map(looks_back, objectives)):
        able = ", ".join(name for name, one in INDICATORS.items() if _WINDOW in one.parameters)
        raise ConfigError(f"--since {since}: none of the chosen objectives looks back; these indicators can: {able}")
    return tuple(
        replace(one, parameters={**one.parameters, _WINDOW: window}) if looks_back(one) else one for one in objectives
    )


def _seconds(since: str, now: datetime) -> int:
    try:
        span = now - datetime.fromisoformat(since) if "T" in since else duration(since)
    except (ValueError, TypeError):
        raise ConfigError(f"--since: {_EXPECTED}, found {since!r}") from None
    if span < timedelta(seconds=1):
        raise ConfigError(f"--since: {_EXPECTED}, found {since!r}, which is not in the past")
    return int(span.total_seconds())
