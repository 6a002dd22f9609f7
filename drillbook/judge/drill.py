"""The judge of drills: evidence in, one DrillResult out; pure.

A pass needs everything to have been *seen*: the baseline held, load flowed, the fault landed, recovery came and stayed
within the documented time, no acknowledged write is lost, doubled or altered, the objectives hold again, nothing else
changed, and the undo is done. A violation makes it ``fail``, what was not seen makes it ``inconclusive``, and the
deciding sentence comes first: violations before gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from drillbook.judge.outage import by_signal, completed, enough, outages, union_seconds
from drillbook.model.drill import DrillResult, FaultReport, RecoveryTime, WriteTally
from drillbook.model.policy import DrillPlan
from drillbook.model.quantity import Dimension, render
from drillbook.model.timeline import Event, EventKind, Interval, Sample, Timeline
from drillbook.model.verdict import Status, Verdict

TRAFFIC: Final = ("read", "write")
"""The signals that speak for the users; ``ready`` is the platform's own opinion."""
LEAST_COVERAGE: Final = 0.8
"""A watch that sent a smaller share of its due samples has not watched."""
LEAST_WRITES: Final = 10
"""Acknowledged writes that there must be on each side of the fault for load to have flowed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that one drill brought home."""

    id: str
    plan: DrillPlan
    fault: FaultReport
    timeline: Timeline
    writes: WriteTally | None
    """None where the ledger could not be read back."""
    objectives_before: tuple[Verdict, ...]
    objectives_after: tuple[Verdict, ...]
    residue: tuple[str, ...] | None
    """None where the cluster could not be compared."""
    undone: bool
    limit_seconds: float | None
    """The documented time to recover; None where the runbook gives none."""
    sustained_seconds: float = 2.0
    waited_seconds: float = 0.0
    """How long after the injection the watch went on."""
    problems: tuple[str, ...] = ()
    """What kept the drill from seeing something, a sentence each: the engine died, the ledger could not be read."""
    took_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the timeline says, before it is held against anything."""

    injecting: float | None
    outages: tuple[Interval, ...]
    recovery: RecoveryTime | None
    recovered_at: float | None
    detected: Sample | None
    baseline_problem: str
    load_problem: str
    unended: tuple[str, ...] = field(default=())
    """Signals that were still bad when the watch ended."""


def judge_drill(evidence: Evidence) -> DrillResult:
    """Judge one drill."""
    reading = _read(evidence)
    violations = list(_violations(evidence, reading))
    gaps = list(_gaps(evidence, reading))
    status = Status.FAIL if violations else Status.INCONCLUSIVE if gaps else Status.PASS
    reason = (violations + gaps or [_praise(evidence, reading)])[0]
    seen = reading.detected
    return DrillResult(
        id=evidence.id,
        plan=evidence.plan,
        status=status,
        reason=reason,
        fault=evidence.fault,
        baseline_held=not reading.baseline_problem,
        load_flowed=not reading.load_problem,
        outages=reading.outages,
        outage_seconds=union_seconds(i for i in reading.outages if i.signal in TRAFFIC),
        recovery=reading.recovery,
        limit_seconds=evidence.limit_seconds,
        detected_seconds=None
        if seen is None or reading.injecting is None
        else max(0.0, completed(seen) - reading.injecting),
        writes=evidence.writes or WriteTally(0, 0, 0, 0, 0, 0),
        objectives_after=evidence.objectives_after,
        residue=evidence.residue or (),
        undone=evidence.undone,
        timeline=_marked(evidence.timeline, reading),
        aborted=not evidence.undone,
        took_seconds=evidence.took_seconds,
    )


def too_fine(limit_seconds: float | None, interval_seconds: float) -> str | None:
    """Why a documented time can't be judged with probes at that interval, or None where it can."""
    if limit_seconds is None or limit_seconds >= interval_seconds:
        return None
    return (
        f"the documented time to recover is {_time(limit_seconds)}, and the probes look only every "
        f"{_time(interval_seconds)}: that can't be judged; raise the probe rate"
    )


def recovery_time(timeline: Timeline, sustained_seconds: float) -> RecoveryTime | None:
    """How long after the fault took effect every signal was good again and stayed so; None where that wasn't seen.

    The fault took effect somewhere between the request that injected it and the first evidence of it. ``lower`` counts
    from the later of the two to the last bad sample, ``upper`` from the earlier to the answer of the first good one.
    """
    started = timeline.first(EventKind.INJECTING)
    if started is None or not timeline.samples:
        return None
    last_bad, first_good = started.at, started.at
    stretches = [i for i in outages(timeline, sustained_seconds) if i.end > started.at]
    if any(not i.ended for i in stretches):
        return None
    for signal, samples in by_signal(timeline.samples).items():
        bad = [s.due for s in samples if not s.good and completed(s) > started.at]
        ends = [i.end for i in stretches if i.signal == signal]
        good = ends or [completed(s) for s in samples if s.good and s.due > started.at][:1]
        after = [s for s in samples if s.good and completed(s) >= max(good, default=0.0)]
        least = enough(sustained_seconds, timeline.interval_seconds.get(signal, 0.0))
        if not good or len(after) < least or after[-1].due - after[0].due < sustained_seconds:
            return None
        last_bad, first_good = max([last_bad, *bad]), max([first_good, *good])
    upper = first_good - started.at
    return RecoveryTime(min(max(0.0, last_bad - _first_evidence(timeline, started.at)), upper), upper)


def _first_evidence(timeline: Timeline, injecting: float) -> float:
    """When it was first seen that the fault took effect: the landing, or a sample that turned bad."""
    moments = [completed(s) for s in timeline.samples if not s.good and completed(s) > injecting]
    landed = timeline.first(EventKind.LANDED)
    return min([*moments, landed.at] if landed else moments or [injecting])


def _read(evidence: Evidence) -> _Reading:
    timeline = evidence.timeline
    started = timeline.first(EventKind.INJECTING)
    stretches = outages(timeline, evidence.sustained_seconds)
    recovery = recovery_time(timeline, evidence.sustained_seconds)
    bad = [s for s in timeline.samples if started and not s.good and completed(s) >= started.at]
    recovered_at = started.at + recovery.upper if started and recovery else None
    return _Reading(
        injecting=started.at if started else None,
        outages=stretches,
        recovery=recovery,
        recovered_at=recovered_at,
        detected=min(bad, key=completed, default=None),
        baseline_problem=_baseline_problem(evidence, started.at if started else None),
        load_problem=_load_problem(evidence, started.at if started else None, recovered_at),
        unended=tuple(i.signal for i in stretches if not i.ended),
    )


def _baseline_problem(evidence: Evidence, injecting: float | None) -> str:
    """Why the steady state before the fault is in doubt; empty where it held."""
    if not evidence.objectives_before:
        return "no objective was checked before the fault"
    for verdict in evidence.objectives_before:
        if verdict.status not in {Status.PASS, Status.WAIVED}:
            return f"before the fault {verdict.id} was {verdict.status}: {verdict.reason}"
    if injecting is None:
        return "the fault was never injected, so there was no moment before it"
    window = injecting - evidence.sustained_seconds
    for signal, interval in evidence.timeline.interval_seconds.items():
        answered = [
            s for s in evidence.timeline.samples if s.signal == signal and s.due >= window and completed(s) <= injecting
        ]
        least = enough(evidence.sustained_seconds, interval)
        if len(answered) < least:
            return f"only {len(answered)} {signal} samples before the fault, {least} are needed"
        bad = [s for s in answered if not s.good]
        if bad:
            return f"{len(bad)} of {len(answered)} {signal} samples before the fault were bad: {bad[0].detail}"
    return ""


def _load_problem(evidence: Evidence, injecting: float | None, recovered_at: float | None) -> str:
    """Why it is in doubt that load flowed through the drill; empty where it did."""
    groups = by_signal(evidence.timeline.samples)
    dues = [s.due for s in evidence.timeline.samples]
    span = max(dues, default=0.0) - min(dues, default=0.0)
    for signal in TRAFFIC:
        samples = groups.get(signal, ())
        interval = evidence.timeline.interval_seconds.get(signal, 0.0)
        if len(samples) < 2 or interval <= 0:
            return f"no {signal} load flowed"
        due = span / interval
        if len(samples) < LEAST_COVERAGE * due:
            return (
                f"only {len(samples)} of {due:.0f} due {signal} samples were sent: this machine was too busy to watch"
            )
    if evidence.writes is None or evidence.writes.acknowledged == 0:
        return "no write was acknowledged"
    good = [completed(s) for s in groups["write"] if s.good]
    for words, count in (
        ("before the fault", sum(1 for at in good if injecting is None or at <= injecting)),
        ("after the recovery", sum(1 for at in good if recovered_at is None or at >= recovered_at)),
    ):
        if count < LEAST_WRITES:
            return f"only {count} writes were acknowledged {words}, {LEAST_WRITES} are needed"
    return ""


def _violations(evidence: Evidence, reading: _Reading) -> Iterator[str]:
    """What is wrong with the system, the drill or the clean-up, worst first."""
    if evidence.writes:
        yield from _wrong_writes(evidence.writes)
    if not evidence.undone:
        yield "the undo is not finished: a person must look; the undo journal says what to put back"
    if evidence.fault.landed and not reading.baseline_problem:
        yield from _late(evidence, reading)
        for verdict in evidence.objectives_after:
            if verdict.status is Status.FAIL:
                yield f"after the recovery {verdict.id} fails: {verdict.reason}"
    if evidence.residue:
        more = f" (and {len(evidence.residue) - 1} more)" if len(evidence.residue) > 1 else ""
        yield f"something else is changed: {evidence.residue[0]}{more}"


def _wrong_writes(writes: WriteTally) -> Iterator[str]:
    if writes.lost:
        named = ", ".join(writes.lost_keys[:3]) + (" ..." if writes.lost > 3 else "")
        yield f"{writes.lost} of {writes.acknowledged} acknowledged writes are lost: {named}"
    if writes.duplicated:
        yield f"{writes.duplicated} writes are stored more than once"
    if writes.altered:
        yield f"{writes.altered} writes are stored with another body than the one that was sent"
    if writes.phantom:
        yield f"{writes.phantom} writes are stored that were never sent, or were refused"


def _late(evidence: Evidence, reading: _Reading) -> Iterator[str]:
    limit = evidence.limit_seconds
    if limit is None:
        return
    if reading.recovery and reading.recovery.lower > limit:
        yield f"recovered only after {_span(reading.recovery)}, documented are {_time(limit)}"
    if reading.recovery is None and reading.unended and evidence.waited_seconds > limit:
        still = " and ".join(reading.unended)
        yield f"not recovered: {still} still bad after {_time(evidence.waited_seconds)}, documented are {_time(limit)}"


def _gaps(evidence: Evidence, reading: _Reading) -> Iterator[str]:
    """What was not seen, in the order of the drill."""
    if reading.baseline_problem:
        yield f"the baseline did not hold: {reading.baseline_problem}"
    if not evidence.fault.landed:
        yield f"the fault {evidence.fault.kind} was not seen to land, so nothing was proven"
    if reading.load_problem:
        yield f"load did not flow: {reading.load_problem}"
    if evidence.writes is None:
        yield "the writes could not be read back"
    yield from _recovery_gaps(evidence, reading)
    if not evidence.objectives_after:
        yield "no objective was checked after the recovery"
    for verdict in evidence.objectives_after:
        if verdict.status is Status.INCONCLUSIVE:
            yield f"after the recovery {verdict.id} is inconclusive: {verdict.reason}"
    if evidence.residue is None:
        yield "the cluster's objects were not compared before and after"
    yield from evidence.problems


def _recovery_gaps(evidence: Evidence, reading: _Reading) -> Iterator[str]:
    limit = evidence.limit_seconds
    if limit is None:
        yield "the policy gives no documented time to recover in"
    if reading.recovery is None:
        waited = _time(evidence.waited_seconds)
        still = f"{' and '.join(reading.unended)} still bad" if reading.unended else "no sustained run of good answers"
        yield f"recovery was not seen within the {waited} that were waited: {still}"
    elif limit is not None and reading.recovery.lower <= limit < reading.recovery.upper:
        span = _span(reading.recovery)
        yield f"recovered within {span}, and the documented {_time(limit)} lie between: raise the probe rate"


def _praise(evidence: Evidence, reading: _Reading) -> str:
    assert reading.recovery is not None
    assert evidence.limit_seconds is not None
    assert evidence.writes is not None
    out = union_seconds(i for i in reading.outages if i.signal in TRAFFIC)
    return (
        f"recovered in {_span(reading.recovery)}, documented: {_time(evidence.limit_seconds)}; "
        f"{'no outage' if out == 0 else f'outage {_time(out)}'}; "
        f"{evidence.writes.acknowledged} writes acknowledged, none lost"
    )


def _marked(timeline: Timeline, reading: _Reading) -> Timeline:
    """The timeline with detection and recovery among its events, so that a report need not judge to draw them."""
    marks: list[Event] = []
    if reading.detected:
        sample = reading.detected
        text = f"first bad {sample.signal} sample: {sample.detail}" if sample.detail else f"first bad {sample.signal}"
        marks.append(Event(EventKind.DETECTED, completed(sample), text))
    if reading.recovered_at is not None:
        marks.append(Event(EventKind.RECOVERED, reading.recovered_at, "every signal good, and it stayed so"))
    return replace(timeline, events=_in_order([*timeline.events, *marks]))


def _in_order(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda e: e.at))


def _time(seconds: float) -> str:
    return render(seconds, Dimension.DURATION)


def _span(recovery: RecoveryTime) -> str:
    return f"{_time(recovery.lower)} to {_time(recovery.upper)}"
