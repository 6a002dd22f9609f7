"""What AWS says of a system's managed parts."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator

INDICATORS: Final[tuple[Indicator, ...]] = ()
