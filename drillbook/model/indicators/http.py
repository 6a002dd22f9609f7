"""What users see of an API, and of the Services behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import REMEMBERED, Indicator, Parameter
from drillbook.model.quantity import Dimension

_TRAFFIC: Final = {
    "requests": Parameter(int, 400, low=20, high=100_000, vias=("direct",)),
    "rate": Parameter(int, 100, low=1, high=1000, vias=("direct",)),
}
_COUNTED: Final = REMEMBERED | {"metric": Parameter(str, None, vias=("prometheus",))}
_SCRAPES: Final = {
    # How long to look: the time between the two scrapes.
    "over": Parameter(str, "10s", vias=("scrape",)),
    "metric": Parameter(str, "http_requests_total"),
    "path": Parameter(str, "/metrics", vias=("scrape",)),
}
_QUESTION: Final = {"path": Parameter(str, None), "attempts": Parameter(int, 3, low=1, high=100)}

INDICATORS: Final = (
    Indicator(
        "http.latency",
        Dimension.DURATION,
        ("routes",),
        {"percentile": Parameter(float, low=0, high=100)} | _TRAFFIC | _COUNTED,
        vias=("direct", "prometheus"),
    ),
    Indicator(
        "http.error_ratio",
        Dimension.RATIO,
        ("routes",),
        _TRAFFIC | _COUNTED,
        vias=("direct", "prometheus"),
        high=Decimal(1),
    ),
    # The worst HTTP status among the attempts; 0 stands for no answer at all.
    Indicator(
        "http.health", Dimension.COUNT, ("health",), {"attempts": Parameter(int, 3, low=1, high=100)}, vias=("direct",)
    ),
    # path: the health path where it isn't said. field: names and numbers with dots.
    Indicator("http.body_field", Dimension.TEXT, parameters={"field": Parameter(str)} | _QUESTION, vias=("direct",)),
    Indicator("http.anonymous_status", Dimension.COUNT, parameters=_QUESTION, vias=("direct",)),
    Indicator(
        "http.availability",
        Dimension.RATIO,
        parameters={
            "over": Parameter(str, "10s", vias=("direct",)),
            "rate": Parameter(int, 20, low=1, high=1000, vias=("direct",)),
            "path": Parameter(str, None, vias=("direct",)),
        }
        | _COUNTED,
        vias=("direct", "prometheus"),
        high=Decimal(1),
    ),
    Indicator("http.throughput", Dimension.RATE, ("service",), _SCRAPES | REMEMBERED, vias=("scrape", "prometheus")),
    Indicator("http.error_rate", Dimension.RATE, ("service",), _SCRAPES | REMEMBERED, vias=("scrape", "prometheus")),
    Indicator(
        "http.status_ratio",
        Dimension.RATIO,
        ("service",),
        {"status": Parameter(str)} | _SCRAPES | REMEMBERED,
        vias=("scrape", "prometheus"),
        high=Decimal(1),
    ),
    Indicator("service.port", Dimension.COUNT, ("service",)),
    # 1 where something takes a connection, else 0.
    Indicator("service.up", Dimension.COUNT, ("service",), REMEMBERED, vias=("direct", "prometheus"), high=Decimal(1)),
)
