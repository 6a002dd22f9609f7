"""What a PostgreSQL server says of itself."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

INDICATORS: Final = (
    Indicator("database.connections", Dimension.COUNT, ("engine",), {"samples": Parameter(int, 5, low=1, high=100)}),
    Indicator("database.max_connections", Dimension.COUNT, ("engine",)),
)
