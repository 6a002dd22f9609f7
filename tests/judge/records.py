"""Small records to judge."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from drillbook.judge import judge
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Severity, Source
from drillbook.model.quantity import Dimension
from drillbook.model.verdict import Verdict, Waiver

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def objective(
    limit: str = "<= 2 s", objective_id: str = "api-latency", dimension: Dimension = Dimension.DURATION
) -> Objective:
    return Objective(
        id=objective_id,
        indicator="http.latency",
        component="api",
        parameters={},
        limit=Limit.parse(limit, dimension),
        severity=Severity.HIGH,
        source=Source("runbook.txt", "Key Metrics", (12, 12)),
        line=31,
        note="p95 over one sample.",
        file="systems/orders/policy.yaml",
    )


def seen(
    value: str | None,
    low: str | None = None,
    high: str | None = None,
    samples: int = 400,
    dimension: Dimension = Dimension.DURATION,
    remedy: str = "",
) -> Observation:
    """An observation of those bounds; one of nothing where ``value`` is None."""
    return Observation(
        dimension=dimension,
        where="https://api.example.com/orders",
        at=AT,
        value=None if value is None else Decimal(value),
        low=None if low is None else Decimal(low),
        high=None if high is None else Decimal(high),
        samples=0 if value is None else samples,
        problem="connection refused" if value is None else "",
        remedy=remedy,
    )


def verdict(value: str | None, low: str | None = None, high: str | None = None, limit: str = "<= 2 s") -> Verdict:
    return judge("orders", objective(limit), seen(value, low, high))


def waiver(ceiling: str = "<= 3 s", expires: str = "2026-01-31", objective_id: str = "api-latency") -> Waiver:
    return Waiver(
        objective=objective_id,
        owner="platform team",
        reason="the cache is being moved",
        expires=date.fromisoformat(expires),
        ceiling=Limit.parse(ceiling, Dimension.DURATION),
    )
