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
    vias: tuple[str, ...] = ()
    """The sources that it says something to; all of them where it names none."""


REMEMBERED: Final[dict[str, Parameter]] = {
    # How far a rate looks back; for how long a condition must have held; which targets' labels are the component's.
    "window": Parameter(str, None, vias=("prometheus",)),
    "for": Parameter(str, None, vias=("prometheus",)),
    "labels": Parameter(str, None, vias=("prometheus",)),
}
"""What can be asked of an indicator that Prometheus serves."""


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

    def parameters_for(self, via: str) -> Mapping[str, Parameter]:
        """What a policy can say where it asks this source; the usual one where it names none."""
        source = via or next(iter(self.vias), "")
        return {name: one for name, one in self.parameters.items() if not one.vias or source in one.vias}

    def dimension_for(self, parameters: Mapping[str, Any]) -> Dimension:
        """The dimension of its limit: its own, or what the parameter ``as`` says of a setting that can be anything."""
        return Dimension(parameters["as"]) if parameters.get("as") else self.dimension
