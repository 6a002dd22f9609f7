"""What a Redis-compatible server says of itself."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator

INDICATORS: Final[tuple[Indicator, ...]] = ()
