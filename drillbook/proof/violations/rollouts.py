"""How a rollout is made one that took too long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from drillbook.clock import SYSTEM_CLOCK, iso
from drillbook.model.policy import Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Violation


@asynccontextmanager
async def took_long(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The Deployment's status says that its rollout ended later than it may have: nobody waits for one that long."""
    component = stage.component(objective)
    path = f"{stage.workload_path(component)}/status"
    before = (await stage.workload(component))["status"]["conditions"]
    late = SYSTEM_CLOCK.now() + timedelta(seconds=float(number_beyond(objective)) + 60)
    written = iso(late).partition(".")[0] + "Z"
    conditions = [one | {"lastUpdateTime": written} if one["type"] == "Progressing" else one for one in before]
    try:
        await stage.kube.patch(path, _status(conditions))
        yield Planted(f"status of {component.workload}: its rollout ended at {written}")
    finally:
        await stage.kube.patch(path, _status(before))


def _status(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"status": {"conditions": conditions}}


VIOLATIONS: Final = (Violation("rollout.took", took_long),)
