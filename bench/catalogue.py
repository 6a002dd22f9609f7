"""Every measurement, in the order in which they are taken: what fills the shared sandbox up comes last."""

from __future__ import annotations

from bench.measurement import Measurement
from bench.measurements import idle_cpu, idle_memory, list_objects, replace_pod, sandbox_down, sandbox_up

MEASUREMENTS: tuple[Measurement, ...] = (
    sandbox_up.MEASUREMENT,
    sandbox_down.MEASUREMENT,
    idle_cpu.MEASUREMENT,
    idle_memory.MEASUREMENT,
    replace_pod.MEASUREMENT,
    list_objects.MEASUREMENT,
)
