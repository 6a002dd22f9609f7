"""Verdicts to report on: one of every status."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Severity, Source
from drillbook.model.quantity import Dimension
from drillbook.model.verdict import Status, Verdict, Waiver

STARTED = datetime(2026, 11, 21, 9, 45, tzinfo=UTC)


DOCUMENT = "operations-runbook.md"


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
