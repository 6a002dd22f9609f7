"""The judge of drills: evidence in, one DrillResult out; pure.

A pass needs everything to have been *seen*: the baseline held, load flowed, the fault landed, recovery came and stayed
within the documented time, no acknowledged write is lost, doubled or altered, the objectives hold again, nothing else
changed, and the undo is done. A violation makes it ``fail``, what was not seen makes it ``inconclusive``, and the
deciding sentence comes first: violations before gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from drillbook.judge.losses import losses_told
from drillbook.judge.outage import completed, union_seconds
from drillbook.judge.reading import TRAFFIC, Evidence, Reading, read
from drillbook.judge.recovery import span_words, time_words
from drillbook.judge.violations import place, said, violations
from drillbook.model.drill import DrillResult, WriteTally
from drillbook.model.timeline import Event, EventKind, Timeline
from drillbook.model.verdict import Status


def judge_drill(evidence: Evidence) -> DrillResult:
    """Judge one drill."""
    reading = read(evidence)
    found = tuple(violations(evidence, reading))
    gaps = list(_gaps(evidence, reading))
    status = Status.FAIL if found else Status.INCONCLUSIVE if gaps else Status.PASS
    reason = ([one.reason for one in found] + gaps or [_praise(evidence, reading)])[0]
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
        then=evidence.then,
        recovery_point=evidence.recovery_point,
        detection=reading.detection,
        limit_from=evidence.limit_from,
        limit_ours=evidence.limit_ours,
        detected_seconds=None
        if seen is None or reading.injecting is None
        else max(0.0, completed(seen) - reading.injecting),
        writes=evidence.writes or WriteTally(0, 0, 0, 0, 0, 0),
        objectives_after=evidence.objectives_after,
        residue=evidence.residue or (),
        undone=evidence.undone,
        timeline=_marked(evidence.timeline, reading),
        aborted=bool(evidence.aborted) or not evidence.undone,
        took_seconds=evidence.took_seconds,
        violations=found,
    )


def _gaps(evidence: Evidence, reading: Reading) -> Iterator[str]:
    """What was not seen, in the order of the drill; why it was ended early explains all that follows."""
    if evidence.aborted:
        yield evidence.aborted
    if reading.baseline_problem:
        yield f"the baseline did not hold: {reading.baseline_problem}"
    if not evidence.fault.landed:
        yield f"the fault {evidence.fault.kind} was not seen to land, so nothing was proven"
    if reading.load_problem:
        yield f"load did not flow: {reading.load_problem}"
    if evidence.writes is None:
        yield "the writes could not be read back"
    yield from _recovery_gaps(evidence, reading)
    yield from _gaps_afterwards(evidence)
    if (seen := reading.detection) and seen.status is Status.INCONCLUSIVE:
        yield seen.reason
    yield from evidence.problems


def _gaps_afterwards(evidence: Evidence) -> Iterator[str]:
    """What was not seen once the system had recovered."""
    if not evidence.objectives_after:
        yield "no objective was checked after the recovery"
    for verdict in evidence.objectives_after:
        if verdict.status is Status.INCONCLUSIVE:
            yield f"after the recovery {verdict.id} is inconclusive: {verdict.reason}"
    for one in evidence.then:
        if one.status is Status.INCONCLUSIVE:
            yield f"{place(one.source)} wants {one.text}, and that could not be seen: {one.reason}"
    if evidence.residue is None:
        yield "the cluster's objects were not compared before and after"


def _recovery_gaps(evidence: Evidence, reading: Reading) -> Iterator[str]:
    limit = evidence.limit_seconds
    if limit is None:
        yield (
            f"nobody says in what time it must recover: the runbook gives none, and the environment must: "
            f"drill_times: {{{evidence.plan.id}: {{within: 15 min, reason: ...}}}}"
        )
    if reading.recovery is None:
        waited = time_words(evidence.waited_seconds)
        still = f"{' and '.join(reading.unended)} still bad" if reading.unended else "no sustained run of good answers"
        yield f"recovery was not seen within the {waited} that were waited: {still}"
    elif limit is not None and reading.recovery.lower <= limit < reading.recovery.upper:
        span = span_words(reading.recovery)
        words = f"{said(evidence)} {time_words(limit)}"
        yield f"recovered within {span}, and the {words} lie between: raise the probe rate"


def _praise(evidence: Evidence, reading: Reading) -> str:
    assert reading.recovery is not None
    assert evidence.limit_seconds is not None
    assert evidence.writes is not None
    out = union_seconds(i for i in reading.outages if i.signal in TRAFFIC)
    return (
        f"recovered in {span_words(reading.recovery)}, {said(evidence)}: {time_words(evidence.limit_seconds)}; "
        f"{'no outage' if out == 0 else f'outage {time_words(out)}'}; "
        f"{evidence.writes.acknowledged} writes acknowledged, {losses_told(evidence.writes, evidence.recovery_point)}"
    )


def _marked(timeline: Timeline, reading: Reading) -> Timeline:
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
