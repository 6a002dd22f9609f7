"""Asking an indicator through the tests' Prometheus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from drillbook.model.environment import Environment, EnvironmentClass, Reach
from drillbook.model.observation import Observation
from drillbook.model.policy import Component, Policy
from drillbook.probes import collect
from tests.probes.scenes import component, objective


def ask(address: str, indicator: str, job: str | None = None, **parameters: Any) -> Observation:
    """What the indicator is through Prometheus, for the component that a job stands for."""
    mine = component(service=job, engine=None) if job else None
    asked = replace(objective(indicator, "api" if mine else None, **parameters), via="prometheus")
    # What is for other sources alone, such as the rate of one's own requests, stays out.
    given = {name: value for name, value in asked.parameters.items() if name not in {"requests", "rate"}}
    asked = replace(asked, parameters=given)
    prometheus = Component("prometheus", "monitoring", service="prometheus", port=9090, engine="prometheus")
    parts = {one.id: one for one in (mine, prometheus) if one}
    policy = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), parts, (asked,))
    reaches = {"prometheus": Reach(address=f"http://{address}")}
    where = Environment("test", EnvironmentClass.STAGING, Path("environments/test.yaml"), components=reaches)
    return collect(policy, where, (asked,))[asked.id]


def interval(seen: Observation) -> tuple[float, float]:
    """Its bounds."""
    assert seen.low is not None, seen.problem
    assert seen.high is not None
    return float(seen.low), float(seen.high)
