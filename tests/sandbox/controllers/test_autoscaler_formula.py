"""What an autoscaler's arithmetic promises, whatever the numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.agent import PodUsage
from drillbook.sandbox.controllers.autoscaler_behavior import Memory, next_step, tolerance_of
from drillbook.sandbox.controllers.autoscaler_metrics import NoReading, Sight, Tolerance, read
from drillbook.sandbox.kinds import Object

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLD = "2026-06-01T10:00:00Z"


def pod(name: str, *, request: int = 100, phase: str = "Running") -> Object:
    resources = {"requests": {"cpu": f"{request}m"}}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": OLD}
    return {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": OLD},
        "spec": {"containers": [{"name": "main", "resources": resources}]},
        "status": {"phase": phase, "startTime": OLD, "conditions": [ready]},
    }


def sight(milli: list[int | None], replicas: int | None = None) -> Sight:
    pods = [pod(f"p{number}") for number in range(len(milli))]
    usage = {
        f"p{number}": PodUsage("shop", f"p{number}", {}, NOW, 15.0, {"main": (used / 1000, 0)})
        for number, used in enumerate(milli)
        if used is not None
    }
    return Sight(pods, usage, len(pods) if replicas is None else replicas, NOW)


def utilization(percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.integers(1, 200))
def test_with_a_reading_of_every_pod_it_is_the_documented_formula(used: list[int], target: int) -> None:
    found = read(utilization(target), sight(list(used)), Tolerance())
    percent = sum(used) * 100 // (100 * len(used))
    assert found.current["resource"]["current"]["averageUtilization"] == percent
    ratio = percent / target
    expected = len(used) if 0.9 <= ratio <= 1.1 else math.ceil(ratio * len(used))
    assert found.replicas == expected


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 1000)), min_size=1, max_size=20).filter(
        lambda used: any(value is not None for value in used)
    ),
    st.integers(1, 100),
)
def test_a_missing_reading_never_makes_it_go_further_than_the_known_ones_do(
    used: list[int | None], target: int
) -> None:
    replicas = len(used)
    found = read(utilization(target), sight(used), Tolerance()).replicas
    known = [value for value in used if value is not None]
    ratio = (sum(known) * 100 // (100 * len(known))) / target
    if ratio > 1:
        assert replicas <= found <= max(replicas, math.ceil(ratio * replicas))
    elif ratio < 1:
        assert min(replicas, math.ceil(ratio * replicas)) <= found <= replicas
    else:
        assert found == replicas


def test_no_usage_at_all_recommends_zero_which_the_bounds_turn_into_the_minimum() -> None:
    assert read(utilization(80), sight([0, 0]), Tolerance()).replicas == 0
    step = next_step({"minReplicas": 1, "maxReplicas": 5}, Memory([(0.0, 2)]), 2, 0, 1000.0)
    assert (step.replicas, step.limit[0]) == (1, "TooFewReplicas")


def test_a_metric_that_nothing_here_serves_says_so() -> None:
    with pytest.raises(NoReading, match="no custom metrics API"):
        read({"type": "Pods", "pods": {}}, sight([1]), Tolerance())


SPECS: list[dict[str, Any]] = [
    {},
    {"behavior": {}},
    {"behavior": {"scaleUp": {"selectPolicy": "Min"}}},
    {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 60}, "scaleDown": {"stabilizationWindowSeconds": 0}}},
    {"behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}}},
]


@given(
    st.sampled_from(SPECS),
    st.integers(1, 5),
    st.integers(5, 20),
    st.lists(st.integers(0, 40), min_size=1, max_size=40),
)
def test_a_step_stays_within_the_bounds_and_never_moves_against_the_recommendation(
    extra: dict[str, Any], least: int, most: int, wishes: list[int]
) -> None:
    spec = {"minReplicas": least, "maxReplicas": most} | extra
    memory, current = Memory(), least
    for number, wish in enumerate(wishes):
        step = next_step(spec, memory, current, wish, 15.0 * number)
        assert least <= step.replicas <= most
        if wish >= current:
            assert step.replicas >= current
        assert step.replicas <= max(2 * current, current + 4)
        current = step.replicas


def test_a_behavior_sets_its_own_tolerance() -> None:
    spec = {"behavior": {"scaleUp": {"tolerance": "0.5"}}}
    assert tolerance_of(spec) == Tolerance(0.1, 0.5)
    assert read(utilization(100), sight([140, 140]), tolerance_of(spec)).replicas == 2
    assert read(utilization(100), sight([140, 140]), tolerance_of({})).replicas == 3
