"""The catalogue of indicators: what can be observed, in which dimension, and what a policy must say to ask for it.

``probes`` has one function for each name here, and the tests hold the two to each other.
"""

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


_TRAFFIC: Final = {
    "requests": Parameter(int, 400, low=20, high=100_000),
    "rate": Parameter(int, 100, low=1, high=1000),
}

INDICATORS: Final[Mapping[str, Indicator]] = {
    i.name: i
    for i in (
        Indicator(
            "http.latency",
            Dimension.DURATION,
            ("routes",),
            {"percentile": Parameter(float, low=0, high=100)} | _TRAFFIC,
        ),
        Indicator("http.error_ratio", Dimension.RATIO, ("routes",), _TRAFFIC, high=Decimal(1)),
        # The worst HTTP status among the attempts; 0 stands for no answer at all.
        Indicator("http.health", Dimension.COUNT, ("health",), {"attempts": Parameter(int, 3, low=1, high=100)}),
        Indicator(
            "database.connections", Dimension.COUNT, ("engine",), {"samples": Parameter(int, 5, low=1, high=100)}
        ),
        Indicator("database.max_connections", Dimension.COUNT, ("engine",)),
        Indicator("pod.cpu_ratio", Dimension.RATIO, ("workload",)),
        Indicator("pod.memory_ratio", Dimension.RATIO, ("workload",)),
        Indicator("volume.used_ratio", Dimension.RATIO, ("workload",), high=Decimal(1)),
        Indicator("workload.ready_replicas", Dimension.COUNT, ("workload",)),
        Indicator(
            "workload.cpu",
            Dimension.CORES,
            ("workload",),
            {"bound": Parameter(str, choices=("request", "limit")), "container": Parameter(str, None)},
        ),
        Indicator(
            "workload.memory",
            Dimension.BYTES,
            ("workload",),
            {"bound": Parameter(str, choices=("request", "limit")), "container": Parameter(str, None)},
        ),
        Indicator("services.least_endpoints", Dimension.COUNT),
        # An expired certificate has less than no time left.
        Indicator("certificate.time_left", Dimension.DURATION, ("ingress",), low=Decimal("-Infinity")),
    )
}
