"""What the control plane keeps in memory while Solar runs."""

from __future__ import annotations

from bench.ground import Ground
from bench.measurement import Measurement
from bench.processes import resident


def take(ground: Ground) -> list[float]:
    ground.api()
    return [resident(int(ground.record()["pid"]))]


MEASUREMENT = Measurement("idle-memory", "control plane with Solar running, resident", "MB", 150.0, take)
