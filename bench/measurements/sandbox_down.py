"""From everything running to nothing left."""

from __future__ import annotations

from bench.ground import Ground
from bench.measurement import Measurement


def take(ground: Ground) -> list[float]:
    return [cycle.down for cycle in ground.cycles()]


MEASUREMENT = Measurement("sandbox-down", "`sandbox down` until nothing is left", "s", 1.5, take)
