"""What a drill brought home, and what its timeline says before anything is held against a limit; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drillbook.judge.detection import AlertSight, judge_detection
from drillbook.judge.outage import by_signal, completed, enough, outages
from drillbook.judge.recovery import recovery_time
from drillbook.judge.steps import assumed_seconds, procedure_end
from drillbook.model.drill import Detection, FaultReport, PostCondition, RecoveryPoint, RecoveryTime, WriteTally
from drillbook.model.policy import DrillPlan
from drillbook.model.timeline import EventKind, Interval, Sample, Timeline
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
    """The time to recover in; None where neither the runbook nor the environment gives one."""
    limit_from: str = ""
    """Where it is said: the runbook's line, or the environment's with its reason."""
    limit_ours: bool = False
    """Given by the environment, and not by the runbook."""
    sustained_seconds: float = 2.0
    waited_seconds: float = 0.0
    """How long after the injection the watch went on."""
    problems: tuple[str, ...] = ()
    """What kept the drill from seeing something, a sentence each: the engine died, the ledger could not be read."""
    took_seconds: float = 0.0
    changed_tables: tuple[str, ...] = ()
    """Tables that hold something else after the recovery, and before the undo, than before the fault."""
    identity_problems: tuple[str, ...] = ()
    """What is wrong after the recovery, and before the undo, with a certificate or a password."""
    then: tuple[PostCondition, ...] = ()
    """What must be true after the procedure, and what was seen of it before the undo."""
    recovery_point: RecoveryPoint | None = None
    """To which moment a restored backup brought the data back; None where none was restored."""
    alert: AlertSight | None = None
    """What was seen of the alert that the runbook names; None where it names none."""
    aborted: str = ""
    """Why the drill was ended before its time; empty where it wasn't."""


@dataclass(frozen=True, slots=True)
class Reading:
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
    detection: Detection | None = None
    """What became of the documented alert; None where the runbook documents none for this failure."""


def read(evidence: Evidence) -> Reading:
    """Read the timeline."""
    timeline = evidence.timeline
    started = timeline.first(EventKind.INJECTING)
    stretches = outages(timeline, evidence.sustained_seconds)
    done = procedure_end(timeline) if evidence.fault.routine else 0.0
    recovery = recovery_time(timeline, evidence.sustained_seconds, done)
    bad = [s for s in timeline.samples if started and not s.good and completed(s) >= started.at]
    injecting = started.at if started else None
    recovered_at = started.at + recovery.upper if started and recovery else None
    return Reading(
        injecting=injecting,
        outages=stretches,
        recovery=_with_people(recovery, assumed_seconds(timeline)),
        recovered_at=recovered_at,
        detected=min(bad, key=completed, default=None),
        baseline_problem=_baseline_problem(evidence, injecting),
        load_problem=_load_problem(evidence, injecting, recovered_at),
        unended=tuple(i.signal for i in stretches if not i.ended),
        detection=judge_detection(evidence.alert, injecting, recovered_at) if evidence.alert else None,
    )


def _with_people(recovery: RecoveryTime | None, seconds: float) -> RecoveryTime | None:
    """The time to recover with what people take for their steps, who weren't there."""
    return None if recovery is None else RecoveryTime(recovery.lower + seconds, recovery.upper + seconds)


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
