"""What only people can say: a dated attestation answers it."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator

INDICATORS: Final[tuple[Indicator, ...]] = ()
