"""Every measurement, in the order in which they are taken: what fills the shared sandbox up comes last."""

from __future__ import annotations

from bench.measurement import Measurement
from bench.measurements import (
    drill_overhead,
    fleet,
    help_screen,
    idle_cpu,
    idle_memory,
    ledger_writes,
    list_objects,
    outages,
    replace_pod,
    sandbox_down,
    sandbox_up,
)

MEASUREMENTS: tuple[Measurement, ...] = (
    help_screen.MEASUREMENT,
    fleet.FASTER,
    fleet.SLOWEST,
    fleet.MEMORY,
    sandbox_up.MEASUREMENT,
    sandbox_down.MEASUREMENT,
    idle_cpu.MEASUREMENT,
    idle_memory.MEASUREMENT,
    replace_pod.MEASUREMENT,
    *outages.MEASUREMENTS,
    ledger_writes.MEASUREMENT,
    drill_overhead.DRILL,
    drill_overhead.PLAIN,
    list_objects.MEASUREMENT,
)
