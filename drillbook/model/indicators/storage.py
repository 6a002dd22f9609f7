"""Certificates, backups: what is kept, and for how long it is still good."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import Indicator
from drillbook.model.quantity import Dimension

INDICATORS: Final = (
    # An expired certificate has less than no time left.
    Indicator("certificate.time_left", Dimension.DURATION, ("ingress",), low=Decimal("-Infinity")),
)
