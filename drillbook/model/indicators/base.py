"""What an indicator is: what can be observed, in which dimension, and what a policy must say to ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from drillbook.model.quantity import Dimension

REQUIRED: Final = object()
"""Stands where a parameter has no default."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an indicator: its type, its default (or REQUIRED), and the values allowed."""

    type: type
    default: Any = REQUIRED
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """One thing that a probe can observe."""

    name: str
    dimension: Dimension
    needs: tuple[str, ...] = ()
    """Fields of the component that the probe can't do without: ``workload``, ``service``, ``engine`` ..."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    vias: tuple[str, ...] = ()
    """The sources that can serve it, the usual one first; empty where there is only one way."""
    low: Decimal = Decimal(0)
    """The smallest value that there can be; a limit that holds for all possible values is an error."""
    high: Decimal | None = None

    def dimension_for(self, parameters: Mapping[str, Any]) -> Dimension:
        """The dimension of its limit: its own, or what the parameter ``as`` says of a setting that can be anything."""
        return Dimension(parameters["as"]) if parameters.get("as") else self.dimension
