"""Runs to report on: every status, an outage, hostile texts, and as many objectives as one likes."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from drillbook.errors import ExitCode
from drillbook.model.drill import DrillResult, FaultReport, RecoveryTime, WriteTally
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import DrillPlan, Objective, Policy, Severity, Source
from drillbook.model.quantity import Dimension
from drillbook.model.run import LoadResult, Run
from drillbook.model.timeline import Event, EventKind, Interval, Sample, Timeline
from drillbook.model.verdict import Status, Verdict, Waiver
from drillbook.report.outcome import outcome

STARTED = datetime(2026, 11, 21, 9, 45, tzinfo=UTC)
DOCUMENT = "operations-runbook.md"

POLICY = Policy("solar", "Solar PV LLM AI", DOCUMENT, Path("policy.yaml"), {}, ())
ENVIRONMENT = Environment("sandbox", EnvironmentClass.SANDBOX, Path("sandbox.yaml"))


def verdict(
    name: str = "api-latency",
    status: Status = Status.PASS,
    limit: str = "<= 2 s",
    dimension: Dimension = Dimension.DURATION,
    value: str | None = "0.034",
    low: str | None = None,
    high: str | None = None,
    **more: Any,
) -> Verdict:
    """One verdict; whatever isn't said is the Solar runbook's API latency, seen well inside its limit."""
    parsed = Limit.parse(limit, dimension)
    objective = Objective(
        id=name,
        indicator=more.get("indicator", "http.latency"),
        component=more.get("component", "api"),
        parameters=more.get("parameters", {"percentile": 95.0}),
        limit=parsed,
        severity=more.get("severity", Severity.HIGH),
        source=Source(
            more.get("document", DOCUMENT), more.get("section", "Monitoring & Alerts > Key Metrics"), (232, 232)
        ),
        line=48,
        note=more.get("note", ""),
    )
    seen = Observation(
        dimension=dimension,
        where=more.get("where", "https://api.solar.example/orders"),
        at=STARTED + timedelta(seconds=3),
        took_seconds=more.get("took", 4.04),
        value=None if value is None else Decimal(value),
        low=None if low is None else Decimal(low),
        high=None if high is None else Decimal(high),
        samples=more.get("samples", 400),
        problem=more.get("problem", "" if value is not None else "nothing answered"),
        remedy=more.get("remedy", ""),
        evidence=more.get("evidence", {"p50_seconds": 0.012, "p99_seconds": 0.081, "statuses": {"200": 400}}),
    )
    reason = more.get("reason", f"expected {parsed}, observed {value}")
    return Verdict(f"solar/{name}", status, reason, objective, seen, more.get("waiver"))


def healthy() -> list[Verdict]:
    """A dozen objectives that hold."""
    ratio, count = Dimension.RATIO, Dimension.COUNT
    found = [
        verdict(low="0.029", high="0.052", note="The runbook names no percentile; its own query uses p95."),
        verdict("api-errors", limit="<= 5 %", dimension=ratio, value="0", high="0.0095", indicator="http.error_ratio"),
        verdict(
            "database-connections",
            limit="<= 80",
            dimension=count,
            value="9",
            low="8",
            high="11",
            indicator="database.connections",
            component="database",
            samples=5,
        ),
        verdict(
            "max-connections",
            limit="== 100",
            dimension=count,
            value="100",
            indicator="database.max_connections",
            component="database",
            samples=1,
        ),
        verdict(
            "certificate",
            limit=">= 14d",
            value="7775000",
            indicator="certificate.time_left",
            component="edge",
            samples=1,
        ),
        verdict("disk", limit="<= 85 %", dimension=ratio, value="0.31", indicator="volume.used_ratio", samples=1),
    ]
    for name, wanted in (("backend", 3), ("frontend", 2), ("celery-worker", 2)):
        found.append(
            verdict(
                f"replicas-{name}",
                limit=f">= {wanted}",
                dimension=count,
                value=str(wanted),
                indicator="workload.ready_replicas",
                component=name,
                samples=1,
                section="System Architecture > Components",
            )
        )
        found.append(
            verdict(
                f"{name}-memory-limit",
                limit="== 2Gi",
                dimension=Dimension.BYTES,
                value=str(2 * 1024**3),
                indicator="workload.memory",
                component=name,
                samples=1,
                parameters={"bound": "limit"},
                section="System Architecture > Resource Allocation",
            )
        )
    return found


def broken() -> Verdict:
    """The API, too slow."""
    return verdict(
        status=Status.FAIL,
        value="3.042",
        low="3.011",
        high="3.187",
        reason="p95 of 400 requests is 3.04 s (3.01 s to 3.19 s), and the runbook allows 2 s",
    )


def unclear() -> Verdict:
    """Too few requests to tell."""
    return verdict(
        "api-errors",
        Status.INCONCLUSIVE,
        "<= 5 %",
        Dimension.RATIO,
        "0.025",
        "0.0044",
        "0.129",
        samples=40,
        indicator="http.error_ratio",
        remedy="needs 400 requests",
        reason="1 of 40 requests failed: the ratio lies between 0.44 % and 12.9 %, on both sides of 5 %",
    )


def unseen() -> Verdict:
    """Nothing was observed."""
    return verdict(
        "pod-cpu",
        Status.INCONCLUSIVE,
        "<= 80 %",
        Dimension.RATIO,
        None,
        indicator="pod.cpu_ratio",
        samples=0,
        problem="metrics.k8s.io answered 404",
        remedy="install metrics-server",
        reason="nothing was observed: metrics.k8s.io answered 404",
    )


def waived() -> Verdict:
    """A violation that somebody answers for."""
    ceiling = Limit.parse("<= 95 %", Dimension.RATIO)
    return verdict(
        "disk",
        Status.WAIVED,
        "<= 85 %",
        Dimension.RATIO,
        "0.91",
        indicator="volume.used_ratio",
        samples=1,
        reason="91 % is beyond 85 %, waived until 2026-12-31",
        waiver=Waiver("disk", "data-platform", "the bigger volume is ordered", date(2026, 12, 31), ceiling, "OPS-7"),
    )


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
    )


def run(
    verdicts: Iterable[Verdict] = (),
    drills: Iterable[DrillResult] = (),
    load: LoadResult | None = None,
    status: str | None = None,
    code: ExitCode | None = None,
    **more: Any,
) -> Run:
    """A run with the outcome that its parts give it, unless told another."""
    verdicts, drills = tuple(verdicts), tuple(drills)
    came_to = outcome(verdicts, drills, load)
    return Run(
        id=more.get("id", "20261121T094500Z-demo-solar-ab12"),
        command=more.get("command", "demo"),
        system=more.get("system", "solar"),
        title=more.get("title", "Solar PV LLM AI"),
        environment="sandbox",
        environment_class="sandbox",
        started=STARTED,
        finished=STARTED + timedelta(seconds=38.4),
        status=status or came_to.status,
        exit_code=came_to.exit_code if code is None else code,
        versions={"drillbook": "0.1.0", "python": "3.12.9"},
        verdicts=verdicts,
        drills=drills,
        load=load,
        waivers=more.get("waivers", {}),
        problems=more.get("problems", ()),
    )


HOSTILE = "<script>alert('x')</script> & \"quotes\" ]]> \x00\x1b[31m \ud800 {{ 7*7 }} \u202e"
LONG = "a sentence that goes on and on without ever saying anything of use " * 12


def samples() -> dict[str, Run]:
    """Every kind of run, by name."""
    background = LoadResult(212, 9, 19.8, 10.7)
    hostile = verdict(
        HOSTILE,
        Status.FAIL,
        value="9",
        reason=HOSTILE + LONG,
        where=HOSTILE,
        section=HOSTILE,
        document=HOSTILE,
        component=HOSTILE,
        note=HOSTILE,
        remedy=HOSTILE,
        evidence={HOSTILE: [HOSTILE, float("inf")]},
    )
    endless = verdict("x" * 200, reason=LONG, where="https://" + "a" * 300, document="d" * 120 + ".md", section=LONG)
    many = [
        verdict(f"objective-{n:02}", Status.FAIL if n % 17 == 3 else Status.PASS, value="9" if n % 17 == 3 else "0.5")
        for n in range(50)
    ]
    return {
        "pass": run(healthy(), [drill("pod-kill", outage=0), drill()], background),
        "fail": run(
            [broken(), *healthy()[1:]],
            [
                drill("pod-kill", outage=0),
                drill(
                    status=Status.FAIL,
                    outage=5.2,
                    lost=2,
                    after=[broken(), unclear()],
                    reason="2 acknowledged writes are gone",
                    residue=("deployment/backend has 2 replicas, had 3",),
                ),
            ],
        ),
        "inconclusive": run([unclear(), unseen(), *healthy()[2:]]),
        "waived": run([waived(), *healthy()[:5]], waivers={"unused": ["pod-memory: no such violation"]}),
        "interrupted": run(
            healthy()[:4],
            [drill()],
            None,
            "interrupted",
            ExitCode.INTERRUPTED,
            problems=("interrupted after 12.3 s: this is what was known by then",),
        ),
        "error": run((), (), None, "error", ExitCode.INCONCLUSIVE, problems=("nothing answers at 127.64.0.1:6443",)),
        "aborted": run(
            healthy(),
            [
                drill(
                    status=Status.INCONCLUSIVE,
                    aborted=True,
                    undone=False,
                    landed=False,
                    recovery=None,
                    outage=0,
                    reason="the undo failed: 403",
                    residue=("lease drillbook is still held",),
                )
            ],
        ),
        "load": run((), (), LoadResult(200, 0, 20.0, 10.0, tuple(healthy()[:2]))),
        "many": run(many),
        "hostile": run([hostile, endless], [drill(HOSTILE, reason=HOSTILE + LONG)], title=HOSTILE, problems=(HOSTILE,)),
        "empty": run(),
    }
