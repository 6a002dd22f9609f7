"""The procedure's post-conditions in the course of a drill: prepared before the fault, looked at before its undo."""

from __future__ import annotations

from drillbook.drills import recovery, residue
from drillbook.drills.afterwards.conditions import Conditions
from drillbook.drills.afterwards.occasion import SETTLE_SECONDS, Occasion
from drillbook.drills.plan import SUSTAINED_SECONDS
from drillbook.drills.work import Work
from drillbook.errors import DrillAborted
from drillbook.judge.recovery import recovery_time
from drillbook.model.verdict import Status


def prepare(work: Work) -> None:
    """What they will be compared with, while everything is well yet. Nothing where no procedure is followed."""
    procedure, http = work.briefing.procedure, work.http
    if procedure is None or not procedure.then:
        return
    if http is None:
        raise DrillAborted("the front door is not open, so nobody could see what the procedure does")

    async def drift() -> tuple[str, ...]:
        # The undo is still to come, so what it is to do is still written down.
        entry = work.entry
        own = {} if entry is None else {("ConfigMap", entry.namespace, entry.config_map): (residue.ANY,)}
        expected = residue.together(recovery.expected_changes(work.order.policy, procedure), work.traces(), own)
        namespaces = work.order.policy.namespaces
        kube, before = work.connections.kube, work.found.objects_before
        return await residue.residue_within(kube, before, namespaces, expected, SETTLE_SECONDS)

    async def still() -> bool:
        fault, entry = work.briefing.fault, work.entry
        if fault.kills or not fault.breaks or entry is None:
            return False
        kube, aim, targets = work.connections.kube, work.briefing.aim, work.found.targets
        return (await fault.landed(kube, aim, targets, entry.put_back)).landed

    work.conditions = Conditions(
        Occasion(
            ground=work.new_ground(),
            procedure=procedure,
            prefix=work.prefix,
            breaks=not work.routine,
            http=http,
            now=work.now,
            timeline=work.timeline,
            drift=drift,
            still=still,
            by_hand=work.briefing.by_hand,
        )
    )
    work.connections.run(work.conditions.prepare())


def meet(work: Work) -> None:
    """The fault is injected, and whether it landed is looked at next."""
    if work.conditions is not None and not work.routine:
        work.wait_for(work.conditions.meet())


def begin(work: Work) -> None:
    """The fault is there, and the procedure's first step is next."""
    if work.conditions is None:
        return
    work.conditions.occasion.landed = work.found.landing.landed
    work.wait_for(work.conditions.begin())
    work.conditions.occasion.begun = work.now()


def look(work: Work) -> None:
    """Recovered or not, this is what the procedure left."""
    if work.conditions is None:
        return
    occasion, found = work.conditions.occasion, work.found
    occasion.ended = max((sample.due for sample in work.timeline().samples), default=occasion.begun)
    if recovery_time(work.timeline(), SUSTAINED_SECONDS) is None:
        # What hasn't recovered by now has been waited for.
        occasion.settle_seconds = 0.0
    occasion.objectives, occasion.printed = found.after, tuple(found.printed)
    occasion.changed_tables = found.changed_tables if found.compared else found.not_compared
    work.say(f"looking at {len(occasion.procedure.then)} things that must be true after the procedure")
    found.then = work.wait_for(work.conditions.look())
    for one in found.then:
        if one.status is not Status.PASS:
            work.say(f"{one.text}: {one.status}: {one.reason}")
