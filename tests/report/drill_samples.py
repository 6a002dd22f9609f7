"""Drills to report on, with their timelines."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from drillbook.model.drill import Detection, DrillResult, FaultReport, PostCondition, RecoveryTime, WriteTally
from drillbook.model.policy import DrillPlan, Source
from drillbook.model.timeline import Event, EventKind, Interval, Sample, Timeline
from drillbook.model.verdict import Status, Verdict
from tests.report.verdict_samples import DOCUMENT, healthy


def timeline(outage: float = 1.4, seconds: float = 14.0, rate: float = 20.0, seed: int = 1) -> Timeline:
    """A drill whose fault lands after four seconds and takes writes (and, briefly, reads) down."""
    dice = random.Random(seed)
    fault, samples = 4.02, []
    for signal, share in (("read", 0.6), ("write", 1.0)):
        for index in range(int(seconds * rate)):
            due = index / rate
            bad = fault <= due < fault + outage * share
            took = 1.0 if bad else 0.008 * dice.lognormvariate(0, 0.4) + (0.2 if 0 < due - fault - outage < 0.5 else 0)
            samples.append(Sample(signal, due, took, not bad, "timed out after 1 s" if bad else ""))
    events = [
        Event(EventKind.STARTED, 0.0, "baseline"),
        Event(EventKind.STEADY, 3.5, "the baseline held for 3 s"),
        Event(EventKind.JOURNALED, 3.8, "undo written"),
        Event(EventKind.INJECTING, fault, "deleting pod postgres-7c9d, grace 0"),
        Event(EventKind.LANDED, fault + 0.04, "pod postgres-7c9d is gone"),
    ]
    if outage:
        begun = fault + outage / 2
        events += [
            Event(EventKind.STEP, begun + 0.4, "restart backend", {"begun": begun, "took_seconds": 0.4, "problem": ""}),
            Event(EventKind.DETECTED, fault + 0.31, "write failed: 503"),
            Event(EventKind.RECOVERED, fault + outage + 0.06, "20 good answers in a row"),
        ]
    events += [Event(EventKind.UNDONE, seconds - 1, "nothing to undo"), Event(EventKind.FINISHED, seconds, "")]
    return Timeline(tuple(events), tuple(samples), {"read": 1 / rate, "write": 1 / rate})


def conditions(reason: str) -> tuple[PostCondition, ...]:
    """One that is true after the procedure, one that isn't for that reason, one that nobody could see."""
    source = Source(DOCUMENT, "Disaster Recovery > Database Restore", (290, 290))
    seen = {"health": Status.PASS, "latency": Status.FAIL, "errors": Status.INCONCLUSIVE}
    return tuple(
        PostCondition("objectives", f"objectives {name}", status, reason, source) for name, status in seen.items()
    )


def detected(reason: str = "alert ApplicationDown fired after 3 s; it cleared 2 s after the recovery") -> Detection:
    """An alert that fired in time and cleared."""
    return Detection("ApplicationDown", Status.PASS, reason, 3.0, 5.0, "critical", 2.0)


def drill(
    name: str = "database-kill",
    status: Status = Status.PASS,
    outage: float = 1.4,
    after: Iterable[Verdict] = (),
    lost: int = 0,
    **more: Any,
) -> DrillResult:
    """One drill of the Solar database."""
    line = more.get("timeline") or timeline(outage)
    bounds = RecoveryTime(outage, outage + 0.06) if outage else RecoveryTime(0.0, 0.05)
    return DrillResult(
        id=f"solar/{name}",
        plan=DrillPlan(
            name, name, "database", "P0", "self", None, Source(DOCUMENT, "Incident Response > Response Times", (82, 82))
        ),
        status=status,
        reason=more.get(
            "reason", f"writes were out for {outage} s and recovered within 1 h, nothing acknowledged lost"
        ),
        fault=FaultReport("pod_kill", more.get("landed", True), ("pod/postgres-7c9d",), {"uid_before": "3f1c"}),
        baseline_held=more.get("baseline_held", True),
        load_flowed=True,
        outages=(
            Interval("write", 4.02, 4.02 + outage + 0.06),
            Interval("read", 4.02, 4.02 + outage * 0.6 + 0.06),
        )
        if outage
        else (),
        outage_seconds=outage,
        recovery=more.get("recovery", bounds),
        limit_seconds=more.get("limit", 3600.0),
        detected_seconds=0.31 if outage else None,
        writes=WriteTally(280, 251, lost, 0, 0, 3, rejected=26, lost_keys=tuple(f"w-{n}" for n in range(lost))),
        objectives_after=tuple(after) or tuple(healthy()[:6]),
        residue=more.get("residue", ()),
        undone=more.get("undone", True),
        timeline=line,
        aborted=more.get("aborted", False),
        took_seconds=14.0,
        then=more.get("then", ()),
        detection=more.get("detection"),
        recovery_point=more.get("recovery_point"),
    )
