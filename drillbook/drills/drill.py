"""One drill, from the guard to the verdict, in steps; each leaves what it saw in the work's findings.

Nothing is broken before guard, lock, steady state, baseline and journal are done. From then on everything that goes
wrong is a finding, not an escape, also a defect of Drillbook's own: the undo always runs, after Ctrl-C too, and what
was seen is judged and kept.
"""

from __future__ import annotations

from collections.abc import Callable

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.drills import after, aftermath, alert, before, guard, injection, manual
from drillbook.drills.manual import Person
from drillbook.drills.plan import Order
from drillbook.drills.stop import Stop
from drillbook.drills.undoing import said
from drillbook.drills.work import Narrate, Work
from drillbook.errors import DrillbookError
from drillbook.model.drill import DrillResult
from drillbook.model.timeline import EventKind


def rehearse(order: Order, narrate: Narrate) -> guard.Clearance:
    """Look at everything that the guard looks at, and touch nothing. Raises Refused, Unreachable or ConfigError."""
    work = Work(order, narrate)
    with work.connections:
        return work.connections.on_kube(lambda kube: guard.clear(kube, work.briefing.intent))


def run_drill(
    order: Order,
    narrate: Narrate,
    keep: Callable[[DrillResult], None],
    clock: Clock = SYSTEM_CLOCK,
    person: Person | None = None,
) -> None:
    """Do it; ``keep`` gets the judged result, also of a drill that was cut short once its fault was on the way.

    ``person`` follows the procedure of a drill whose recovery is manual; without one such a drill is refused.

    Raises Refused, Unreachable or ConfigError when nothing was broken, and KeyboardInterrupt when somebody stopped it,
    after everything is put back.
    """
    work = Work(order, narrate, clock, person)
    stop = Stop(work.say)
    try:
        with stop, work.connections:
            try:
                _until_put_back(work, stop)
                if not stop.asked:
                    _look_back(work, stop)
            finally:
                stop.disarm()
                _close(work)
    except Exception as error:
        if work.found.injecting is None:
            raise
        work.found.aborted = work.found.aborted or said(error)
    if stop.asked:
        work.found.problems.insert(0, "the drill was stopped by hand before its end")
    if work.entry is not None:
        _keep(work, keep)
    if stop.asked:
        raise KeyboardInterrupt


def _keep(work: Work, keep: Callable[[DrillResult], None]) -> None:
    """The judged result; where it can't be judged or kept, one that says why, and what became of the undo."""
    try:
        keep(work.judged())
    except Exception as error:
        keep(work.unjudged(f"what was seen can't be judged: {said(error)}"))


def _until_put_back(work: Work, stop: Stop) -> None:
    """Everything from the guard to the undo, which runs whatever happens before it."""
    try:
        try:
            stop.arm()
            _prepare(work)
            _break_and_recover(work)
        finally:
            stop.disarm()
    except KeyboardInterrupt:
        stop.disarm()
        work.event(EventKind.ABORTED, "stopped by hand")
    except Exception as error:
        # Where nothing was broken there is nothing to judge, and the error is the whole story.
        if not injection.may_have_begun(work):
            raise
        work.found.aborted = said(error)
        work.event(EventKind.ABORTED, work.found.aborted)
        work.say(work.found.aborted)
    finally:
        after.put_back(work)


def _prepare(work: Work) -> None:
    work.event(EventKind.STARTED, work.briefing.experiment.title)
    manual.expect_a_person(work)
    before.pass_the_guard(work)
    before.see_the_steady_state(work)
    injection.start_the_engine(work)
    before.see_the_tables(work)
    before.see_the_baseline(work)
    before.see_the_tables(work)
    aftermath.prepare(work)
    alert.watch_the_alert(work)
    before.write_the_journal(work)
    before.put_on_the_leash(work)


def _break_and_recover(work: Work) -> None:
    injection.see_the_injection(work)
    aftermath.meet(work)
    injection.see_it_land(work)
    alert.wait_for_the_alert(work)
    aftermath.begin(work)
    after.follow_the_procedure(work)
    after.see_the_recovery(work)
    after.see_the_objectives_hold(work)
    alert.see_the_alert_clear(work)
    after.compare_the_tables(work)
    after.see_what_the_recovery_left_of_the_writes(work)
    after.see_the_identity(work)
    aftermath.look(work)


def _look_back(work: Work, stop: Stop) -> None:
    try:
        stop.arm()
        after.look_back(work)
    except KeyboardInterrupt:
        work.event(EventKind.ABORTED, "stopped by hand")


def _close(work: Work) -> None:
    """Stop what still runs and give the lock back; the connections are closed after this."""
    if work.leash is not None:
        work.leash.cancel()
    if work.renewal is not None:
        work.renewal.cancel()
        try:
            work.connections.on_kube(work.lock.release)
        except DrillbookError as error:
            work.found.problems.append(f"the lock could not be released, it expires by itself: {error}")
    if work.watch is not None:
        work.connections.run(work.watch.stop())
    work.event(EventKind.FINISHED)
