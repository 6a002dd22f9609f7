"""After the fault: procedure, recovery, objectives; then the undo; then what became of the writes and of the rest."""

from __future__ import annotations

import time
from typing import Any, Final

from drillbook.drills import landing, ledger, manual, putting_back, recovery, residue, signals
from drillbook.drills.content import content_of
from drillbook.drills.identity import identity_problems
from drillbook.drills.injection import ENGINE_SECONDS, may_have_begun
from drillbook.drills.journal import stays
from drillbook.drills.plan import SUSTAINED_SECONDS
from drillbook.drills.steps.ground import Ground
from drillbook.drills.undoing import said, undo_all
from drillbook.drills.watch import ANSWER_SECONDS
from drillbook.drills.work import Work
from drillbook.errors import DrillAborted, DrillbookError, Unreachable
from drillbook.judge.content import changed_tables, growing
from drillbook.judge.recovery import recovery_time
from drillbook.model.procedures import Entry
from drillbook.model.timeline import EventKind
from drillbook.model.verdict import Status

UNDO_SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 30.0
"""How long after the recovery the objectives may take to hold: metrics of a new pod come with the next scrape."""
READ_BACK_SECONDS: Final = 60.0
DUMP_SECONDS: Final = 5.0
"""A dump holds what was there when it was begun, and its file tells when it ended: so long it may have taken."""
RESIDUE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.1


def follow_the_procedure(work: Work) -> None:
    """The documented steps, each timed; the first that fails is the last. None for a self-healing drill."""
    if work.briefing.by_hand:
        manual.follow_by_hand(work)
        return
    procedure, ground = work.briefing.procedure, work.new_ground()
    try:
        for step in procedure.steps if procedure else ():
            if problem := _take_step(work, ground, step):
                work.found.problems.append(f"a recovery step failed: {problem}")
                return
        work.found.followed = True
    finally:
        work.found.restored = ground.restored[-1] if ground.restored else None
        work.connections.run(recovery.put_nodes_back(ground))


def _take_step(work: Work, ground: Ground, step: Entry) -> str:
    """One step, timed; why it failed, or nothing where it claims success."""
    text, problem = recovery.describe(step), ""
    work.write_down(step)
    begun = work.now()
    earlier = len(ground.printed)
    claim, unseen = recovery.Claim(""), False
    work.say(f"recovery step: {text}")
    try:
        claim = work.wait_for(recovery.run_step(ground, step))
    except DrillbookError as error:
        # What ends the whole drill is not the step's fault.
        work.keep_on()
        problem, unseen = str(error), isinstance(error.__cause__, Unreachable)
    details: dict[str, Any] = {"begun": begun, "took_seconds": work.now() - begun, "problem": problem}
    work.found.printed.append((text, tuple(ground.printed[earlier:])))
    details |= {"type": step.type}
    details |= {"unseen": unseen, "claim": claim.text, "assumed": claim.assumed}
    if step.within:
        details["documented_seconds"] = step.within.total_seconds()
    work.event(EventKind.STEP, text, details=details)
    return problem


def see_the_recovery(work: Work) -> None:
    """Wait until every signal is good and stays so, at most as long as somebody is ready to wait."""
    watch = work.watch
    if watch is None or work.found.injecting is None:
        raise DrillAborted("nothing was watched, so no recovery can be seen")
    begun, followed = work.found.injecting, work.now()
    done = followed if work.routine else 0.0
    work.say(f"waiting for {SUSTAINED_SECONDS:g} s of good answers, at most {work.longest:.0f} s")
    seen = None
    # A procedure that took longer than all of it is late, and to be seen so.
    until = max(begun + work.longest, followed + SUSTAINED_SECONDS + 2 * ANSWER_SECONDS)
    while seen is None and work.now() < until:
        work.keep_on()
        time.sleep(POLL_SECONDS)
        if watch.quiet_seconds(max(begun, done)) > SUSTAINED_SECONDS + signals.LONGEST_INTERVAL:
            seen = recovery_time(work.timeline(), SUSTAINED_SECONDS, done)
    work.found.waited = work.now() - begun
    work.connections.run(watch.stop())
    _tell_the_engine(work, "recovery", seen=seen is not None)
    work.say(f"recovered after {seen.upper:.2f} s" if seen else f"not recovered after {work.found.waited:.0f} s")


def see_the_objectives_hold(work: Work) -> None:
    """The policy's own objectives again; they may take SETTLE_SECONDS after a recovery. Then the engine ends."""
    work.say("checking all objectives after the recovery, some seconds")
    begun = work.now()
    # Of a system that hasn't recovered nobody waits for the rest: one look says how it is.
    settle = SETTLE_SECONDS if recovery_time(work.timeline(), SUSTAINED_SECONDS) else 0.0
    while True:
        work.found.after = work.objectives()
        not_yet = [v.id for v in work.found.after if v.status not in {Status.PASS, Status.WAIVED}]
        if not not_yet or work.now() - begun > settle:
            break
        work.keep_on()
        work.say(f"{', '.join(not_yet[:3])} not yet: looking again")
    _tell_the_engine(work, "objectives_after", hold=not not_yet)
    if work.engine and not work.engine.wait(ENGINE_SECONDS):
        work.found.problems.append(f"the engine did not end within {ENGINE_SECONDS:g} s of the recovery")


def compare_the_tables(work: Work) -> None:
    """What the recovery made of damaged data, before the undo puts back what it left."""
    component, environment = work.compared, work.order.environment
    if component is None or len(work.found.content_before) < 2:
        return
    first, second = work.found.content_before[:2]
    found = work.connections.on_kube(lambda kube: content_of(kube, environment, component, work.prefix))
    if isinstance(found, str):
        work.found.not_compared = f"what the tables hold after the recovery can't be read: {found}"
        work.found.problems.append(work.found.not_compared)
        return
    work.found.compared = True
    work.found.changed_tables = tuple(changed_tables(second, found, growing(first, second)))


def see_the_identity(work: Work) -> None:
    """Certificates and passwords as the recovery left them, before the undo puts the old ones back."""
    fault, entry = work.briefing.fault, work.entry
    if not fault.identity or entry is None:
        return
    component, environment = work.briefing.aim.component, work.order.environment
    followed = work.briefing.procedure is not None
    look = identity_problems(work.connections.kube, environment, component, entry.put_back, procedure=followed)
    try:
        work.found.identity_problems = work.connections.run(look)
    except DrillbookError as error:
        work.found.problems.append(f"certificate or credentials could not be looked at after the recovery: {error}")


def put_back(work: Work) -> None:
    """Stop the engine, undo, clear the journal. Never raises what can be expected: a failed undo is a finding."""
    may_have_begun(work)
    if work.engine is not None and (problem := work.engine.problem()):
        work.found.problems.append(problem)
    entry = work.entry
    if entry is None:
        return
    work.say("putting everything back")
    try:
        done = work.connections.on_kube(lambda kube: undo_all(kube, entry, UNDO_SECONDS))
        work.connections.on_kube(lambda kube: work.journal.undone(kube, entry))
    except Exception as error:
        # Also a defect of ours: the journal still says what to put back, and the result must say that it isn't.
        work.found.problems.append(f"the undo is not finished: {said(error)}")
        return
    left = "" if work.found.followed else stays(work.journal.begun)
    work.found.undone = True
    work.event(EventKind.UNDONE, ", ".join(filter(None, (done, left))))


def look_back(work: Work) -> None:
    """What became of the database server, of the writes, and of everything else in the cluster."""
    work.say("reading every write back, and comparing the cluster with what it was")
    for look in (_see_the_server_restarted, read_the_writes_back, _compare_the_objects):
        try:
            look(work)
        except DrillbookError as error:
            work.found.problems.append(str(error))
        except Exception as error:
            # A defect of ours, with everything put back: what was seen beside it is judged.
            work.found.aborted = work.found.aborted or said(error)


def _see_the_server_restarted(work: Work) -> None:
    if not (work.is_postgres and work.briefing.fault.kills and work.found.landing.landed):
        return
    component, environment = work.briefing.aim.component, work.order.environment
    after = work.connections.on_kube(lambda kube: landing.server_started(kube, environment, component))
    work.found.landing = landing.with_server(work.found.landing, work.found.server_before, after)


def read_the_writes_back(work: Work) -> None:
    """What became of every write; once, where that was seen before the undo already. Raises Unreachable."""
    book, http = work.book, work.http
    if book is None or http is None or work.found.writes is not None or work.found.writes_hidden:
        return
    if work.watch is not None:
        # Also of a drill that was aborted: a write that is acknowledged while others are read would look lost.
        work.connections.run(work.watch.stop())
    restored = work.found.restored
    since = restored.written - DUMP_SECONDS - work.origin if restored else None
    work.found.writes = work.connections.run(ledger.read_tally(http, book, READ_BACK_SECONDS, since))


def see_what_the_recovery_left_of_the_writes(work: Work) -> None:
    """Where data was damaged or replaced, before the undo: it brings back what the recovery didn't.

    Everything else leaves the data alone, and after its undo there is somebody to ask also where nothing recovered.
    """
    if work.compared is None:
        return
    work.say("reading every write back, before the data is put back")
    try:
        read_the_writes_back(work)
    except DrillbookError as error:
        work.found.problems.append(f"what the recovery left of the writes can't be read: {error}")
        work.found.writes_hidden = True


def _compare_the_objects(work: Work) -> None:
    # What is put back is compared too: it is excused no longer.
    expected = residue.together(putting_back.left(work.kept_changes), work.lost_changes, work.traces())
    before, namespaces = work.found.objects_before, work.order.policy.namespaces
    work.found.residue = work.connections.on_kube(
        lambda kube: residue.residue_within(kube, before, namespaces, expected, RESIDUE_SECONDS)
    )


def _tell_the_engine(work: Work, word: str, **details: Any) -> None:
    if work.desk is not None:
        work.desk.say_as_drill(word, **details)
