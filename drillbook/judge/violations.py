"""What is wrong with a system, its procedure or the clean-up after a drill, worst first; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drillbook.judge.losses import lost_writes
from drillbook.judge.reading import Evidence, Reading
from drillbook.judge.recovery import span_words, time_words
from drillbook.judge.steps import claims, failed_step, late_steps
from drillbook.model.drill import Failing, Violation, WriteTally
from drillbook.model.policy import Source
from drillbook.model.verdict import Status


def violations(evidence: Evidence, reading: Reading) -> Iterator[Violation]:
    """All of them. Of a fault that wasn't seen to land, or without a baseline, only what needs neither."""
    if evidence.writes:
        yield from _each(Failing.WRITES, lost_writes(evidence.writes, evidence.recovery_point))
        yield from _each(Failing.WRITES, _wrong_writes(evidence.writes))
    if not evidence.undone:
        reason = "the undo is not finished: a person must look; the undo journal says what to put back"
        yield Violation(Failing.UNDO, reason)
    if evidence.fault.landed and not reading.baseline_problem:
        yield from _after_the_fault(evidence, reading)
    if evidence.residue:
        more = f" (and {len(evidence.residue) - 1} more)" if len(evidence.residue) > 1 else ""
        yield Violation(Failing.CHANGED, f"something else is changed: {evidence.residue[0]}{more}")


def _after_the_fault(evidence: Evidence, reading: Reading) -> Iterator[Violation]:
    """What the fault did and the recovery didn't mend, or didn't in time."""
    yield from _each(Failing.NOT_RECOVERED, _late(evidence, reading))
    yield from _each(Failing.LATE_STEP, late_steps(evidence.timeline))
    if evidence.changed_tables:
        reason = f"the data is not what it was: {'; '.join(evidence.changed_tables[:3])}{_though(evidence)}"
        yield Violation(Failing.DATA, reason)
    yield from _each(Failing.IDENTITY, evidence.identity_problems)
    for verdict in evidence.objectives_after:
        if verdict.status is Status.FAIL:
            yield Violation(Failing.OBJECTIVE, f"after the recovery {verdict.id} fails: {verdict.reason}")
    yield from _each(Failing.POST_CONDITION, _untrue(evidence))
    if failed := failed_step(evidence.timeline):
        yield Violation(Failing.STEP, failed)
    if (seen := reading.detection) and seen.status is Status.FAIL:
        yield Violation(Failing.ALERT, seen.reason)


def _each(of: Failing, reasons: Iterable[str]) -> Iterator[Violation]:
    return (Violation(of, reason) for reason in reasons)


def _untrue(evidence: Evidence) -> Iterator[str]:
    """What must be true after the procedure and isn't, with the runbook's line."""
    claimed = f"; {told}" if (told := claims(evidence.timeline)) else ""
    for one in evidence.then:
        if one.status is Status.FAIL:
            yield f"{place(one.source)} wants {one.text}: {one.reason}{claimed}"


def _wrong_writes(writes: WriteTally) -> Iterator[str]:
    if writes.duplicated:
        yield f"{writes.duplicated} writes are stored more than once"
    if writes.altered:
        yield f"{writes.altered} writes are stored with another body than the one that was sent"
    if writes.phantom:
        yield f"{writes.phantom} writes are stored that were never sent, or were refused"


def _late(evidence: Evidence, reading: Reading) -> Iterator[str]:
    limit = evidence.limit_seconds
    if limit is None:
        return
    limit_words = f"{said(evidence)} are {time_words(limit)}"
    if reading.recovery and reading.recovery.lower > limit:
        yield f"recovered only after {span_words(reading.recovery)}, {limit_words}"
    if reading.recovery is None and reading.unended and evidence.waited_seconds > limit:
        still = " and ".join(reading.unended)
        waited = time_words(evidence.waited_seconds)
        yield f"not recovered: {still} still bad after {waited}, {limit_words}{_though(evidence)}"


def _though(evidence: Evidence) -> str:
    """Which step said that all is well, for a sentence on what isn't."""
    return f", though {told}" if (told := claims(evidence.timeline)) else ""


def place(source: Source) -> str:
    """``runbook.txt:290``, as sentences cite it."""
    return str(source).partition(" (")[0]


def said(evidence: Evidence) -> str:
    """The word for the time to recover in: the runbook's is documented, one of ours is not."""
    return "given here" if evidence.limit_ours else "documented"
