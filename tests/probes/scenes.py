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
from drillbook.probes import collect

LIMITS = {
    Dimension.DURATION: "<= 2 s",
    Dimension.RATIO: "<= 5 %",
    Dimension.COUNT: ">= 1",
    Dimension.CORES: "== 1",
    Dimension.BYTES: "== 1Gi",
}
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "http.latency": {"percentile": 95, "requests": 100, "rate": 200},
    "http.error_ratio": {"requests": 100, "rate": 200},
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
    dimension = INDICATORS[indicator].dimension
    return Objective(
        id=indicator.replace(".", "-").replace("_", "-"),
        indicator=indicator,
        component=component,
        parameters=dict(PARAMETERS.get(indicator, {})) | parameters,
        limit=Limit.parse(LIMITS[dimension], dimension),
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
