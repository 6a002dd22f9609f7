"""The catalogue of indicators, by name: each group in a file of its own.

``probes`` has one function for each name here, and the tests hold the two to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.model.indicators import attested, aws, cache, database, http, kubernetes, prometheus, storage
from drillbook.model.indicators.base import REQUIRED, Indicator, Parameter

__all__ = ["INDICATORS", "REQUIRED", "Indicator", "Parameter"]

_GROUPS: Final = (http, kubernetes, database, cache, storage, prometheus, attested, aws)

INDICATORS: Final[Mapping[str, Indicator]] = {i.name: i for group in _GROUPS for i in group.INDICATORS}
