"""From nothing to every pod Ready."""

from __future__ import annotations

from bench.ground import Ground
from bench.measurement import Measurement


def take(ground: Ground) -> list[float]:
    return [cycle.up for cycle in ground.cycles()]


MEASUREMENT = Measurement("sandbox-up", "`sandbox up solar` until every pod is Ready", "s", 5.0, take)
