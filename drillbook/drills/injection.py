"""The fault: the engine is started, is seen to inject, and the fault is seen to land."""

from __future__ import annotations

import os
import time
from typing import Final

from drillbook.drills.desk import Desk, Note
from drillbook.drills.engine import Engine
from drillbook.drills.landing import wait_landed
from drillbook.drills.plan import variables
from drillbook.drills.work import Work
from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Landing, Target
from drillbook.model.timeline import EventKind

INJECT_SECONDS: Final = 30.0
"""How long the engine may take to start and inject, and the fault to show, beyond a grace period."""
ROUTINE: Final = "nothing is broken: what is judged is the procedure"
ENGINE_SECONDS: Final = 120.0
"""How long the engine may outlive the recovery."""
POLL_SECONDS: Final = 0.02


def start_the_engine(work: Work) -> None:
    """Chaos Toolkit, in a process of its own, with a desk to leave notes on; it breaks nothing before ``go``.

    It takes a second to start, which the baseline takes anyway.
    """
    order, name = work.order, work.order.plan.id
    notes = {"holder": order.id, "parent": os.getpid(), "longest_seconds": work.longest + ENGINE_SECONDS}
    work.desk = Desk.lay(order.folder / f"engine-{name}", notes)
    names = variables(order.environment, order.policy, order.plan)
    work.engine = Engine(work.briefing.experiment.path, work.desk, names)
    work.engine.start()


def see_the_injection(work: Work) -> None:
    """Say ``go`` and wait for the note. Raises Refused when it was refused there, DrillAborted when none comes."""
    desk, engine = work.desk, work.engine
    if desk is None or engine is None:
        raise DrillAborted("the engine was never started")
    work.say(f"injecting {work.briefing.fault.name}")
    desk.say_as_drill("go")
    deadline = work.now() + INJECT_SECONDS + work.briefing.aim.grace_seconds
    while (injected := desk.from_engine("injected")) is None:
        # Asked before the desk is read again: what an ended engine had to say is all there.
        ended = engine.ended
        if refused := desk.from_engine("refused"):
            raise Refused(str(refused.details["because"]))
        if failed := desk.from_engine("failed"):
            raise DrillAborted(f"the injection failed: {failed.details['because']}")
        if desk.from_engine("injected") is None and (ended or work.now() > deadline):
            what = "ended without injecting" if ended else f"did not inject within {INJECT_SECONDS:g} s"
            raise DrillAborted(f"the engine {what}; it last said: {engine.last_words()}")
        work.keep_on()
        time.sleep(POLL_SECONDS)
    note_injecting(work)
    work.found.targets = tuple(Target(**target) for target in injected.details["targets"])
    if missed := [target for target in work.found.meant if target not in work.found.targets]:
        work.found.problems.append(f"the fault was to hit {', '.join(map(str, missed))} too, and did not")
    work.event(EventKind.INJECTED, ", ".join(map(str, work.found.targets)), at=_since_start(work, injected))


def note_injecting(work: Work) -> None:
    """The moment at which the engine began, if it did: from then on the system may be broken."""
    note = work.desk.from_engine("injecting") if work.desk else None
    if note is not None and work.found.injecting is None:
        work.found.injecting = _since_start(work, note)
        work.found.meant = tuple(Target(**target) for target in note.details["targets"])
        work.event(EventKind.INJECTING, work.briefing.fault.name, at=work.found.injecting)


def may_have_begun(work: Work) -> bool:
    """Stop the engine; whether anything may be broken. Where its note can't be understood, something may."""
    if work.engine is None:
        return False
    work.engine.stop()
    try:
        if work.found.injecting is None:
            note_injecting(work)
    except Exception as error:
        work.found.injecting = work.now()
        work.found.problems.append(f"the engine's note can't be understood: {type(error).__name__}: {error}")
    return work.found.injecting is not None


def see_it_land(work: Work) -> None:
    """Look at the targets until the fault shows on them; one that touches nothing is looked at once.

    A routine procedure has no fault that could show: what happens happens in its steps.
    """
    if work.routine:
        work.found.landing = Landing(True, {"fault": ROUTINE})
        work.event(EventKind.LANDED, ROUTINE)
        work.say(ROUTINE)
        return
    fault, aim = work.briefing.fault, work.briefing.aim
    seconds = INJECT_SECONDS + aim.grace_seconds if fault.needs(aim).to_break else 0
    before, targets = work.entry.put_back if work.entry else {}, work.found.targets
    kube = work.connections.kube
    work.found.landing = work.wait_for(wait_landed(kube, fault, aim, targets, before, seconds))
    if work.found.landing.landed:
        work.event(EventKind.LANDED, "seen on the objects themselves", details=work.found.landing.evidence)
        work.say("the fault landed")
    else:
        work.say("the fault was not seen to land")


def _since_start(work: Work, note: Note) -> float:
    return note.at - work.origin
