"""Steps that no policy can write: a proof plants them, and the drill that follows them has to fail.

``claim`` does nothing and says success, as a command does that exits 0 without having recovered anything. ``meddle``
changes an object that the procedure says nothing of, as a look does that doesn't only look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drillbook.drills.steps.ground import Ground, Way
from drillbook.drills.steps.workloads import may
from drillbook.faults.workloads import workload_of, workload_path
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

MARK: Final = "drillbook.dev/planted"
"""The annotation that meddling leaves on a workload."""


async def claim(_ground: Ground, step: Entry) -> str:
    """Nothing is done."""
    return f"{step.values['instead_of']}: done"


async def meddle(ground: Ground, step: Entry) -> str:
    """An annotation on the workload, which nobody asked for."""
    component = ground.component(step)
    path = workload_path(workload_of(component), component.namespace)
    await ground.kube.patch(path, {"metadata": {"annotations": {MARK: "nobody asked for this"}}})
    return "nothing was changed"


def _none(_policy: Policy, _step: Entry) -> tuple[Permission, ...]:
    return ()


WAYS: Final[Mapping[str, Way]] = {
    "claim": Way(claim, _none, lambda step: str(step.values["instead_of"])),
    "meddle": Way(meddle, may(patches=True)),
}
