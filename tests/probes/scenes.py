"""Policies and environments of one component, for looking at one thing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drillbook.model.environment import Environment, EnvironmentClass, Reach
from drillbook.model.indicators import INDICATORS
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import Component, Objective, Policy, Route, Severity, Source
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.probes import collect

LIMITS = {
    Dimension.DURATION: "<= 2 s",
    Dimension.RATIO: "<= 5 %",
    Dimension.COUNT: ">= 1",
    Dimension.CORES: "== 1",
    Dimension.BYTES: "== 1Gi",
    Dimension.RATE: "<= 10 /s",
    Dimension.TEXT: "== yes",
}
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "http.latency": {"percentile": 95, "requests": 100, "rate": 200},
    "http.error_ratio": {"requests": 100, "rate": 200},
    **{f"backup.{name}": {"path": "/b/*.sql.gz"} for name in ("age", "size", "span", "count", "incomplete")},
    "cache.setting": {"name": "save"},
    "database.setting": {"name": "work_mem"},
    "database.pool_budget": {"pool": "2"},
    "database.index": {"name": "orders_key"},
    "database.rows": {"table": "orders"},
    "database.oldest_row_age": {"table": "orders", "column": "created_at"},
    "proxy.directive": {"name": "worker_processes"},
    "config.value": {"name": "WORKERS"},
    "secret.age": {"secret": "keys"},
    "secret.length": {"secret": "keys", "key": "jwt"},
    "log.matches": {"pattern": "error"},
    "http.body_field": {"field": "status"},
    "http.status_ratio": {"status": "429"},
    "workload.cpu": {"bound": "limit"},
    "workload.memory": {"bound": "limit"},
}


def component(**fields: Any) -> Component:
    base: dict[str, Any] = {
        "id": "api",
        "namespace": "shop",
        "health": "/health",
        "routes": (Route("GET", "/orders", 3), Route("POST", "/orders"), Route("GET", "/health")),
        "engine": "postgres",
        "database": "postgres",
        "user": "app",
    }
    return Component(**(base | fields))


def objective(indicator: str, component: str | None = "api", **parameters: Any) -> Objective:
    asked = dict(PARAMETERS.get(indicator, {})) | parameters
    dimension = INDICATORS[indicator].dimension_for(asked)
    text = LIMITS[dimension]
    return Objective(
        id=indicator.replace(".", "-").replace("_", "-"),
        indicator=indicator,
        component=component,
        parameters=asked,
        limit=TextLimit.parse(text) if dimension is Dimension.TEXT else Limit.parse(text, dimension),
        severity=Severity.HIGH,
        source=Source("runbook.txt", "Section", (1, 1)),
        line=1,
    )


def policy(one: Component, *objectives: Objective) -> Policy:
    return Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {one.id: one}, objectives)


def environment(address: str | None = None, **fields: Any) -> Environment:
    reaches = {"api": Reach(address=address, ca=fields.pop("ca", None))}
    base: dict[str, Any] = {"kubeconfig": None, "components": reaches}
    return Environment("test", EnvironmentClass.STAGING, Path("environments/test.yaml"), **(base | fields))


def look(one: Component, where: Environment, *objectives: Objective, **settings: Any) -> dict[str, Observation]:
    """Observations by indicator name."""
    found = collect(policy(one, *objectives), where, objectives, **settings)
    return {objective.indicator: found[objective.id] for objective in objectives}
