"""What the control plane takes of a core while nobody asks anything: its probes and its metrics go on."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.ground import Ground
from bench.measurement import Measurement

SECONDS = 10.0
SETTLED = 3.0
"""What has just started is still busy with itself."""


def take(ground: Ground) -> list[float]:
    ground.api()
    time.sleep(SETTLED)
    pid = int(ground.record()["pid"])
    started, before = time.perf_counter(), spent(pid)
    time.sleep(SECONDS)
    return [100 * (spent(pid) - before) / (time.perf_counter() - started)]


def spent(pid: int) -> float:
    """Seconds of CPU that a process has used itself, in user and kernel mode."""
    # The second field is the program's name in brackets, which may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


MEASUREMENT = Measurement("idle-cpu", "control plane with Solar running, 10 s without a request", "% core", 2.0, take)
