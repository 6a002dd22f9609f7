"""Alert rules and queries, by what Prometheus makes of them."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator

INDICATORS: Final[tuple[Indicator, ...]] = ()
