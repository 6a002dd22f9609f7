"""Which moves there are: every fault on every component that can have it here, and every procedure that keeps the data.

Nobody lists them by hand: each fault is asked, on the live sandbox, whether it could hit each component.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drillbook.drills.blast_radius import Radius, choose
from drillbook.errors import DrillbookError
from drillbook.explore.moves import Break, Follow, Move, Press
from drillbook.faults import FAULTS
from drillbook.faults.fault import Aim, Fault
from drillbook.faults.settings import read_settings
from drillbook.model.policy import Policy, Procedure
from drillbook.model.procedures import changes_data

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

WITHOUT: Final = frozenset({"noop", "log-pipeline-down"})
"""Nothing, and what ``scale-down`` does to every component already."""
PRESSES: Final = (Press(50, 2), Press(100, 3))


@dataclass(frozen=True, slots=True)
class Possible:
    """Everything that a sequence may be made of, the simplest first: what is found shrinks towards it."""

    breaks: tuple[Break, ...]
    others: tuple[Move, ...]


async def possible(kube: Kube, policy: Policy) -> Possible:
    """Ask every fault about every component. Read-only."""
    breaks = [
        move
        for fault in FAULTS.values()
        if fault.name not in WITHOUT and not fault.destroys
        for component in policy.components
        for move in [Break(fault.name, component)]
        if await _fits(kube, policy, move)
    ]
    alls = [Break(move.fault, move.component, 0) for move in breaks if FAULTS[move.fault].kills]
    follows = [Follow(procedure.id) for procedure in policy.procedures.values() if _keeps_data(procedure)]
    return Possible((*breaks, *alls), (*PRESSES, *follows))


def aim_of(policy: Policy, move: Break) -> tuple[Fault, Aim, Radius]:
    """The fault of a move, its aim, and a radius that is the sandbox itself."""
    fault = FAULTS[move.fault]
    settings = read_settings(fault.name, fault.settings, None)
    aim = Aim(policy.components[move.component], pods=move.pods, settings=settings)
    radius = Radius(frozenset(policy.namespaces), 10_000, 100, within_budgets=False, most_nodes=1)
    return fault, aim, radius


async def _fits(kube: Kube, policy: Policy, move: Break) -> bool:
    fault, aim, radius = aim_of(policy, move)
    try:
        await fault.how(kube, aim)
        choose(await fault.candidates(kube, aim), aim, radius)
        await fault.put_back(kube, aim)
    except DrillbookError:
        # That is its answer: this component can't have it.
        return False
    return True


def _keeps_data(procedure: Procedure) -> bool:
    """Whether all of it can be followed, and no step brings older data back or deletes any."""
    return bool(procedure.steps) and not any(changes_data(step) for step in procedure.steps)
