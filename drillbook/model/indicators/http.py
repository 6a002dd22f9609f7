"""What users see of an API, and of the Services behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

_TRAFFIC: Final = {
    "requests": Parameter(int, 400, low=20, high=100_000),
    "rate": Parameter(int, 100, low=1, high=1000),
}

INDICATORS: Final = (
    Indicator(
        "http.latency",
        Dimension.DURATION,
        ("routes",),
        {"percentile": Parameter(float, low=0, high=100)} | _TRAFFIC,
    ),
    Indicator("http.error_ratio", Dimension.RATIO, ("routes",), _TRAFFIC, high=Decimal(1)),
    # The worst HTTP status among the attempts; 0 stands for no answer at all.
    Indicator("http.health", Dimension.COUNT, ("health",), {"attempts": Parameter(int, 3, low=1, high=100)}),
)
