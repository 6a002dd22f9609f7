"""Lengths of time among an indicator's parameters: how far a probe looks back, or how long it looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drillbook.errors import ConfigError
from drillbook.model.quantity import duration

LONGEST: Final = 120.0
"""Seconds that one look may be asked to last (``over``): what needs longer is Prometheus' to remember."""


def seconds_of(parameters: Mapping[str, Any], name: str) -> float:
    """A parameter such as ``window: 15m`` in seconds. Raises ConfigError where it is no duration above zero."""
    text = str(parameters[name])
    try:
        seconds = duration(text).total_seconds()
    except ValueError as error:
        raise ConfigError(f"parameter {name}: {error}") from error
    if seconds <= 0:
        raise ConfigError(f"parameter {name}: expected a duration above zero such as 15m, found {text!r}")
    return seconds


def lasting(parameters: Mapping[str, Any]) -> float:
    """How long a look itself goes on, by its parameter ``over``: 0 where it has none, or none that can be read."""
    try:
        return min(LONGEST, seconds_of(parameters, "over")) if parameters.get("over") else 0.0
    except ConfigError:
        return 0.0


def look_length(parameters: Mapping[str, Any]) -> float:
    """``over`` in seconds. Raises ConfigError where it is longer than one look may last."""
    seconds = seconds_of(parameters, "over")
    if seconds > LONGEST:
        raise ConfigError(f"parameter over: expected at most {LONGEST:g} s of looking, found {parameters['over']!r}")
    return seconds
