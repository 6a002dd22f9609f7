"""Chaos Toolkit actions: inject a fault, and undo it."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from drillbook.chaos.doorway import (
    BROKEN,
    DRY,
    UNWATCHED_SECONDS,
    Place,
    Unwatched,
    interrupting,
    new_unwatched_id,
    unwatched_journal,
    watched,
)
from drillbook.drills import guard
from drillbook.drills.desk import Desk
from drillbook.drills.journal import new_entry
from drillbook.drills.lock import drill_lock, holder_of
from drillbook.drills.plan import aimed
from drillbook.errors import DrillbookError, Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Target
from drillbook.orphans import end_with

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

__all__ = ["inject", "undo"]

UNDO_SECONDS: Final = 120.0


@interrupting
def inject(
    fault: str,
    pods: int = 1,
    grace_seconds: int = 0,
    most_pods: int = 1,
    most_percent: float = 100,
    within_budgets: bool = True,
    most_nodes: int = 0,
    settings: Mapping[str, Any] | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Break something: ``pods`` pods (0: all) of the configuration's component, within the blast radius.

    ``settings`` are the fault's own; a fault that hits something else than pods takes ``pods`` of those.
    Returns what was hit. Whatever the guard doesn't allow interrupts the run, and nothing is broken.
    """
    place = Place.of(configuration or {})
    arguments = {
        "fault": fault,
        "pods": pods,
        "grace_seconds": grace_seconds,
        "most_pods": most_pods,
        "most_percent": most_percent,
        "within_budgets": within_budgets,
        "most_nodes": most_nodes,
        "settings": settings,
    }
    if DRY:
        raise Refused(
            f"this run is a dry one ({', '.join(DRY)}), and Chaos Toolkit would break it for real all the same: use "
            "`drillbook drill --dry-run`"
        )
    intent = _intent(place, arguments)
    desk = watched()
    try:
        if desk is None:
            _pass_the_guard(place, intent)
        hit = place.with_kube(lambda kube: _inject(kube, intent, desk))
    except Exception as error:
        if desk is not None:
            said = str(error) if isinstance(error, DrillbookError) else f"{type(error).__name__}: {error}"
            word = "refused" if isinstance(error, Refused) else "failed"
            desk.say_as_engine(word, because=said.removeprefix("not injecting: "))
        raise
    return {"fault": fault, "targets": [asdict(target) for target in hit]}


@interrupting
def undo() -> dict[str, Any]:
    """Put back whatever this process has broken, and see that it is back. Safe twice."""
    desk = watched()
    if desk is not None:
        # The drill that started this process has the journal, undoes by itself and verifies it.
        desk.say_as_engine("rolled_back")
        return {"undone": ["left to the drill"]}
    done: list[str] = []
    while BROKEN:
        done.append(_undo(BROKEN[-1]))
        BROKEN.pop()
    return {"undone": done}


def _intent(place: Place, arguments: Mapping[str, Any]) -> guard.Intent:
    fault, aim, radius = aimed(place.policy, place.component.id, arguments, place.environment)
    return guard.Intent(place.policy, place.environment, fault, aim, radius, lasts_seconds=UNWATCHED_SECONDS)


def _pass_the_guard(place: Place, intent: guard.Intent) -> None:
    """Everything that a drill would have done before: guard, objectives, lock, journal."""
    place.with_kube(lambda kube: guard.clear(kube, intent))
    guard.objectives_hold(place.objectives())
    id_ = new_unwatched_id(place.policy.system)
    lock = drill_lock(place.component.namespace, intent.home, id_)
    journal = unwatched_journal(id_)

    async def write_down(kube: Kube) -> None:
        await lock.take(kube)
        put_back = await intent.fault.put_back(kube, intent.aim)
        entry = await new_entry(kube, id_, intent.fault.name, intent.home, put_back)
        BROKEN.append(Unwatched(place, lock, journal, entry))
        await journal.intend(kube, entry)

    place.with_kube(write_down)
    BROKEN[-1].hold_the_lock()


async def _inject(kube: Kube, intent: guard.Intent, desk: Desk | None) -> Sequence[Target]:
    """Choose again, now, and hit exactly those."""
    if desk is not None:
        # Whoever finishes the undo of a drill that was killed must not race with what goes on breaking.
        end_with(int(desk.brief["parent"]), signal.SIGKILL)
        # The drill says so when baseline and journal are done; without that word nothing is broken.
        desk.wait_for_drill("go", float(desk.brief["longest_seconds"]), int(desk.brief["parent"]))
        holder, expected = await holder_of(kube, intent.aim.component.namespace), desk.brief["holder"]
        if holder != expected:
            raise Refused(f"the lock is not held by the drill that started this experiment: {expected}, but {holder}")
    choice, _ = await guard.choose_now(kube, intent)
    targets = [asdict(target) for target in choice.chosen]
    if desk is not None:
        desk.say_as_engine("injecting", targets=targets)
    hit = await intent.fault.inject(kube, intent.aim, choice.chosen)
    if desk is not None:
        desk.say_as_engine("injected", targets=[asdict(target) for target in hit])
    return hit


def _undo(broken: Unwatched) -> str:
    entry = broken.entry

    async def put_back(kube: Kube) -> str:
        done = await fault_named(entry.fault).undo(kube, entry.put_back, UNDO_SECONDS)
        await broken.journal.undone(kube, entry)
        broken.holding.close()
        await broken.lock.release(kube)
        return done

    sentence = broken.place.with_kube(put_back)
    broken.journal.discard()
    return sentence
