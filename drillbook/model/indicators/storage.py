"""Certificates, backups: what is kept, and for how long it is still good."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

_FILES: Final[Mapping[str, Parameter]] = {
    # A shell pattern inside the pod: /backups/*.sql.gz
    "path": Parameter(str),
    "container": Parameter(str, None),
}
_WORKLOAD: Final = ("workload",)

INDICATORS: Final = (
    # An expired certificate has less than no time left. ``name``: the Certificate's or the Secret's, where it isn't
    # the one that the Ingress names.
    Indicator(
        "certificate.time_left",
        Dimension.DURATION,
        ("ingress",),
        {"name": Parameter(str, None)},
        vias=("tls", "certmanager", "secret"),
        low=Decimal("-Infinity"),
    ),
    # Of the newest file, of the newest file, from the oldest file to now, of all files.
    Indicator("backup.age", Dimension.DURATION, _WORKLOAD, _FILES),
    Indicator("backup.size", Dimension.BYTES, _WORKLOAD, _FILES),
    Indicator("backup.span", Dimension.DURATION, _WORKLOAD, _FILES),
    Indicator("backup.count", Dimension.COUNT, _WORKLOAD, _FILES),
    # 1 where the newest dump doesn't end as pg_dump ends one.
    Indicator("backup.incomplete", Dimension.COUNT, _WORKLOAD, _FILES),
)
