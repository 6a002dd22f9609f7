"""Prometheus in a sandbox, scraping real pods: everything that can be asked through it, in one look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drillbook.checking import load_system
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective
from drillbook.probes import collect
from tests.conftest import SandboxHandle
from tests.probes.scenes import objective

ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "errors": ("http.error_ratio", "api", {"window": "10s"}),
    "sustained": ("http.error_ratio", "api", {"for": "5s"}),
    "latency": ("http.latency", "api", {"percentile": 95, "window": "10s"}),
    "throughput": ("http.throughput", "api", {"window": "10s"}),
    "up": ("service.up", "api", {"for": "5s"}),
    "pool": ("pool.used_ratio", "api", {"for": "5s"}),
    "cpu": ("pod.cpu_ratio", "api", {"for": "5s"}),
    "memory": ("pod.memory_ratio", "worker", {"for": "5s"}),
    "all-memory": ("pod.memory_ratio", "api", {"statistic": "average"}),
}
REQUESTS = 200


def asked(name: str) -> Objective:
    indicator, component, parameters = ASKED[name]
    made = replace(objective(indicator, component), id=name, via="prometheus", parameters=parameters)
    return replace(made, parameters={"of": "limit", **parameters} if indicator.startswith("pod.") else parameters)


@pytest.mark.slow
@pytest.mark.usefixtures("promtool")
def test_a_sandbox_s_prometheus_remembers_what_its_pods_did(solar: SandboxHandle) -> None:
    policy, where, _ = load_system("solar", "sandbox", solar.name)
    traffic = replace(
        objective("http.error_ratio", requests=REQUESTS, rate=50),
        limit=Limit.parse("<= 5 %", objective("http.error_ratio").limit.dimension),
    )
    found = collect(policy, where, [traffic, *(asked(name) for name in ASKED)])
    numbers = {name: number(found[name]) for name in ASKED}
    assert numbers["errors"] == numbers["sustained"] == 0
    assert numbers["up"] == 1
    assert 0 < numbers["latency"] <= 2.5
    assert numbers["throughput"] > REQUESTS / 10 / 4
    assert 0 <= numbers["pool"] <= 1
    assert 0 <= numbers["cpu"] < 1
    assert 0 < numbers["memory"] < 1
    assert 0 < numbers["all-memory"] < 1


def number(seen: Observation) -> float:
    assert seen.value is not None, f"{seen.where}: {seen.problem}"
    return float(seen.value)
