"""What the control plane keeps in memory while Solar runs."""

from __future__ import annotations

import re
from pathlib import Path

from bench.ground import Ground
from bench.measurement import Measurement


def take(ground: Ground) -> list[float]:
    ground.api()
    status = Path(f"/proc/{ground.record()['pid']}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise RuntimeError(f"no VmRSS in the status of process {ground.record()['pid']}")
    return [int(found[1]) * 1024 / 1e6]


MEASUREMENT = Measurement("idle-memory", "control plane with Solar running, resident", "MB", 150.0, take)
