"""What the cluster says of its workloads, pods, volumes and nodes."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

INDICATORS: Final = (
    Indicator("pod.cpu_ratio", Dimension.RATIO, ("workload",)),
    Indicator("pod.memory_ratio", Dimension.RATIO, ("workload",)),
    Indicator("volume.used_ratio", Dimension.RATIO, ("workload",), high=Decimal(1)),
    Indicator("workload.ready_replicas", Dimension.COUNT, ("workload",)),
    Indicator(
        "workload.cpu",
        Dimension.CORES,
        ("workload",),
        {"bound": Parameter(str, choices=("request", "limit")), "container": Parameter(str, None)},
    ),
    Indicator(
        "workload.memory",
        Dimension.BYTES,
        ("workload",),
        {"bound": Parameter(str, choices=("request", "limit")), "container": Parameter(str, None)},
    ),
    Indicator("services.least_endpoints", Dimension.COUNT),
)
