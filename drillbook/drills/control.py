"""The control arm of a drill: the same fault first without the procedure, from the guard to the undo."""

from __future__ import annotations

from dataclasses import replace

from drillbook.drills.drill import run_drill
from drillbook.drills.plan import DEFAULT_TIMEOUT, Order, brief
from drillbook.drills.work import Narrate
from drillbook.judge.control import ControlArm
from drillbook.model.drill import DrillResult


def run_control(order: Order, narrate: Narrate) -> ControlArm | None:
    """What the system does by itself; None for a drill that follows no procedure, or breaks nothing.

    Everything is put back before this returns. Raises as ``run_drill`` does.
    """
    plan = order.plan
    if plan.recovery == "self" or not brief(order).fault.breaks:
        return None
    alone = replace(plan, id=f"{plan.id}-control", recovery="self", procedure=None)
    # Nobody is there to be waited for, as there is where people recover the system.
    seconds = DEFAULT_TIMEOUT if plan.recovery == "manual" else order.timeout_seconds
    kept: list[DrillResult] = []
    run_drill(replace(order, plan=alone, timeout_seconds=seconds), narrate, kept.append)
    return ControlArm.of(kept[-1])
