"""Which scenarios an alert on an indicator is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from drillbook.model.scenarios import requests, resources
from drillbook.model.scenarios.base import EVALUATED, LOOKED_AT, STEP, Line, Scenario

__all__ = ["EVALUATED", "LOOKED_AT", "SCENARIOS", "STEP", "Line", "Scenario"]


def _is_up(metric: str, _limit: float) -> tuple[Scenario, ...]:
    return resources.up(metric)


SCENARIOS: Final[Mapping[str, Callable[[float], tuple[Scenario, ...]]]] = {
    "http.error_ratio": requests.error_ratio,
    "http.error_rate": requests.error_rate,
    "http.latency": requests.latency,
    "pod.cpu_ratio": resources.cpu_ratio,
    "pod.cpu": resources.cpu,
    "pod.memory_ratio": resources.memory_ratio,
    "pod.restarts": resources.restarts,
    "node.disk_ratio": resources.disk_ratio,
    "database.connections": resources.connections,
    "pool.used_ratio": resources.pool_ratio,
    "service.up": partial(_is_up, "up"),
    "database.up": partial(_is_up, "pg_up"),
}
"""By the indicator that an alert's threshold speaks of; each takes the limit in the dimension's base unit."""
