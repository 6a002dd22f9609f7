"""What AWS says of a system's managed parts."""

from __future__ import annotations

from typing import Final

from drillbook.model.indicators.base import Indicator, Parameter
from drillbook.model.quantity import Dimension

AWS: Final = "aws."
"""How the names of these indicators begin."""

_SERVICE: Final = {"service": Parameter(str)}
_DATABASE: Final = {"instance": Parameter(str)}

INDICATORS: Final[tuple[Indicator, ...]] = (
    Indicator(
        "aws.rds_setting",
        Dimension.TEXT,
        parameters=_DATABASE
        | {
            "name": Parameter(str),
            "as": Parameter(str, "text", choices=("text", "count", "bytes", "duration", "ratio", "cores")),
        },
    ),
    # 1 while an ECS service runs what it should and nothing is being deployed.
    Indicator("aws.service_stable", Dimension.COUNT, parameters=_SERVICE),
    Indicator("aws.desired_count", Dimension.COUNT, parameters=_SERVICE),
    Indicator("aws.task_cpu", Dimension.CORES, parameters=_SERVICE),
    Indicator("aws.task_memory", Dimension.BYTES, parameters=_SERVICE),
    # Targets of a load balancer's group that are not healthy.
    Indicator("aws.unhealthy_targets", Dimension.COUNT, parameters={"group": Parameter(str)}),
    # Rules of security groups that let the whole internet in, to a port other than those allowed.
    Indicator("aws.open_ingress", Dimension.COUNT, parameters={"port": Parameter(int, None, low=1, high=65535)}),
    # How far back a database can be restored to.
    Indicator("aws.restorable_window", Dimension.DURATION, parameters=_DATABASE),
    # Log groups that are exported as they should be.
    Indicator("aws.log_export", Dimension.COUNT, parameters={"group": Parameter(str)}),
)
