"""A thousand objectives over a hundred endpoints that answer in 50 ms: against pytest-testinfra and the clock."""

from __future__ import annotations

from bench.ground import Ground
from bench.measurement import Measurement

_WHAT = "1,000 objectives over 100 endpoints that answer in 50 ms"


def faster(ground: Ground) -> list[float]:
    found = ground.fleet()
    return [found.testinfra / check.seconds for check in found.all]


def slowest(ground: Ground) -> list[float]:
    found = ground.fleet()
    return [check.seconds / (check.slowest + found.start) for check in found.all]


def memory(ground: Ground) -> list[float]:
    return [check.memory for check in ground.fleet().all]


FASTER = Measurement("fleet-faster", f"{_WHAT}: pytest-testinfra's time over ours", "x", 30.0, faster, at_least=True)
SLOWEST = Measurement(
    "fleet-slowest", f"{_WHAT}: our time over the slowest observation plus a check's start", "x", 1.5, slowest
)
MEMORY = Measurement("fleet-memory", f"{_WHAT}: the most that our process held", "MB", 250.0, memory)
