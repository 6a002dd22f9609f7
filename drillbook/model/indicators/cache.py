"""What a Redis-compatible server says of itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

_ENGINE: Final = ("engine",)
_SAMPLES: Final = {"samples": Parameter(int, 5, low=1, high=100)}

INDICATORS: Final = (
    # 1 while the server says PONG.
    Indicator("cache.ping", Dimension.COUNT, _ENGINE),
    # ``over``: how long it is watched. The counters' own ratio is of the server's whole life.
    Indicator("cache.hit_ratio", Dimension.RATIO, _ENGINE, {"over": Parameter(str, "5s")}, high=Decimal(1)),
    Indicator("cache.evictions", Dimension.COUNT, _ENGINE, {"window": Parameter(str, "1h")}),
    Indicator("cache.clients", Dimension.COUNT, _ENGINE, _SAMPLES),
    Indicator("cache.memory_ratio", Dimension.RATIO, _ENGINE, _SAMPLES),
    Indicator(
        "cache.setting",
        Dimension.TEXT,
        _ENGINE,
        {
            "name": Parameter(str),
            "as": Parameter(str, "text", ("text", "count", "bytes", "duration", "ratio", "cores")),
        },
    ),
)
