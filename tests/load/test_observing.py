"""What a load test saw, judged: every request counts, and one without an answer counts as slower than any limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drillbook.clients.reach import Endpoint
from drillbook.load.observing import WARM_UP, judge_load, summed_up
from drillbook.load.plan import LoadPlan, Target
from drillbook.load.shots import Shot, ShotWriter, read_shots
from drillbook.model.policy import Policy, Route
from drillbook.model.verdict import Status
from drillbook.policy import load_policy
from tests.load.conftest import POLICY as TEXT

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TARGET = Target("api", Endpoint("127.0.0.1", 80, "api.example.com", False, "here"), None, (Route("GET", "/orders"),))
PLAN = LoadPlan("tiny", "local", None, 20.0, 10.0, 3.0, (TARGET,))


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT)
    return load_policy(path)


def shots(count: int, took: float = 0.01, status: int | None = 200, problem: str = "") -> list[Shot]:
    return [Shot("api", "GET /orders", n / 20, 0.0, took, status, problem) for n in range(count)]


def judged(policy: Policy, seen: list[Shot]) -> dict[str, Status]:
    return {v.objective.id: v.status for v in judge_load(policy, PLAN, seen, NOW)}


def test_a_quick_system_passes(policy: Policy) -> None:
    assert judged(policy, shots(400)) == {"api-latency": Status.PASS, "error-ratio": Status.PASS}


def test_a_slow_system_fails_on_latency_alone(policy: Policy) -> None:
    assert judged(policy, shots(400, took=0.6)) == {"api-latency": Status.FAIL, "error-ratio": Status.PASS}


def test_a_time_is_kept_to_the_microsecond_and_never_rounded_into_its_limit(policy: Policy) -> None:
    """Locust's own percentiles have two digits: 504 ms are 500, and 500 hold."""
    assert judged(policy, shots(400, took=0.504))["api-latency"] is Status.FAIL
    assert judged(policy, shots(400, took=0.499999))["api-latency"] is Status.PASS


def test_what_the_generator_was_late_itself_is_no_users_wait(policy: Policy) -> None:
    own = [replace(shot, late=0.45) for shot in shots(400, took=0.6)]
    assert judged(policy, own)["api-latency"] is Status.INCONCLUSIVE


def test_errors_fail_on_the_error_ratio_alone(policy: Policy) -> None:
    seen = shots(320) + shots(80, status=503)
    assert judged(policy, seen) == {"api-latency": Status.PASS, "error-ratio": Status.FAIL}


def test_a_client_error_is_no_failure_of_the_system(policy: Policy) -> None:
    assert judged(policy, shots(400, status=404))["error-ratio"] == Status.PASS


def test_requests_without_an_answer_are_errors_and_slower_than_any_limit(policy: Policy) -> None:
    seen = shots(320) + shots(80, took=3.0, status=None, problem="no answer within 3 s")
    verdicts = {v.objective.id: v for v in judge_load(policy, PLAN, seen, NOW)}
    assert {v.status for v in verdicts.values()} == {Status.FAIL}
    latency = verdicts["api-latency"].observation
    assert latency.value is not None
    assert latency.value.is_infinite()
    assert latency.evidence["unanswered"] == {"no answer within 3 s": 80}


def test_too_few_requests_are_inconclusive_and_say_how_many_it_takes(policy: Policy) -> None:
    for verdict in judge_load(policy, PLAN, shots(WARM_UP + 20), NOW):
        assert verdict.status == Status.INCONCLUSIVE
        assert "requests: " in verdict.observation.remedy


@pytest.mark.parametrize("count", [0, WARM_UP])
def test_no_requests_are_never_a_pass(policy: Policy, count: int) -> None:
    assert set(judged(policy, shots(count)).values()) == {Status.INCONCLUSIVE}


def test_the_warm_up_is_left_out(policy: Policy) -> None:
    seen = shots(WARM_UP, took=9.0) + [Shot("api", "GET /orders", 10 + n / 20, 0, 0.01, 200) for n in range(400)]
    assert judged(policy, seen)["api-latency"] == Status.PASS


def test_a_component_without_traffic_is_not_judged(policy: Policy) -> None:
    elsewhere = LoadPlan("tiny", "local", None, 20.0, 10.0, 3.0, (Target("web", TARGET.endpoint, None, ()),))
    assert judge_load(policy, elsewhere, shots(400), NOW) == ()


def test_the_sum_counts_requests_failures_rate_and_time() -> None:
    found = summed_up(shots(180) + [Shot("api", "GET /orders", 9 + n / 20, 0, 0.5, None) for n in range(21)])
    assert (found.requests, found.failures) == (201, 21)
    assert found.rate == pytest.approx(20)
    assert found.seconds == pytest.approx(10.5)
    assert summed_up([]).requests == 0


def test_a_record_cut_short_by_a_kill_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    writer = ShotWriter(path)
    for shot in shots(3):
        writer.write(shot)
    writer.close()
    path.write_text(path.read_text() + '{"component": "ap')
    assert read_shots(path) == tuple(shots(3))
    assert read_shots(tmp_path / "none") == ()
