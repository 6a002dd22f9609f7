"""An objective passes or fails only when the whole interval lies on one side of its limit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge import failure_text, judge
from drillbook.model.limit import Limit
from drillbook.model.quantity import Dimension
from drillbook.model.verdict import Status
from tests.judge.records import objective, seen, verdict

COMPARATORS = ("<", "<=", ">", ">=", "==", "!=")
seconds = st.integers(0, 400).map(lambda n: Decimal(n) / 100)


@pytest.mark.parametrize(
    ("limit", "value", "low", "high", "status"),
    [
        ("<= 2 s", "1.5", "1.4", "1.6", Status.PASS),
        ("<= 2 s", "2", None, None, Status.PASS),
        ("< 2 s", "2", None, None, Status.FAIL),
        ("<= 2 s", "3.01", "2.99", "3.05", Status.FAIL),
        ("<= 2 s", "1.99", "1.9", "2.1", Status.INCONCLUSIVE),
        ("<= 2 s", "2.01", "1.9", "2.1", Status.INCONCLUSIVE),
        ("<= 2 s", "2.5", "2.5", "Infinity", Status.FAIL),
        ("<= 2 s", "1.5", "1.4", "Infinity", Status.INCONCLUSIVE),
        ("<= 2 s", "Infinity", None, None, Status.FAIL),
        (">= 3 s", "3", None, None, Status.PASS),
        ("== 100 s", "100", None, None, Status.PASS),
        ("== 100 s", "99", None, None, Status.FAIL),
        ("!= 0 s", "0", None, None, Status.FAIL),
        ("<= 0 s", "0", None, None, Status.PASS),
    ],
)
def test_the_whole_interval_decides(limit: str, value: str, low: str | None, high: str | None, status: Status) -> None:
    assert verdict(value, low, high, limit).status is status


@given(st.sampled_from(COMPARATORS), seconds, seconds, seconds)
def test_a_verdict_agrees_with_the_limit_at_both_ends_and_at_the_value(
    comparator: str, bound: Decimal, one: Decimal, other: Decimal
) -> None:
    low, high = sorted((one, other))
    found = verdict(str((low + high) / 2), str(low), str(high), f"{comparator} {bound} s")
    limit = found.objective.limit
    assert isinstance(limit, Limit)
    good = [limit.holds_at(v) for v in (low, found.observation.value or low, high)]
    if found.status is Status.PASS:
        assert all(good)
    if found.status is Status.FAIL:
        assert not any(good)


@given(st.sampled_from(COMPARATORS), seconds)
def test_nothing_observed_is_never_a_pass(comparator: str, bound: Decimal) -> None:
    assert verdict(None, limit=f"{comparator} {bound} s").status is Status.INCONCLUSIVE


@given(st.sampled_from(COMPARATORS), seconds, seconds)
def test_a_value_that_no_sample_stands_behind_is_nothing_observed(
    comparator: str, bound: Decimal, value: Decimal
) -> None:
    found = judge("orders", objective(f"{comparator} {bound} s"), seen(str(value), samples=0))
    assert found.status is Status.INCONCLUSIVE
    assert "observed nothing: no sample stands behind" in found.reason


def test_an_observation_of_another_dimension_is_a_mistake_of_the_probe() -> None:
    with pytest.raises(
        ValueError, match=r"api-latency: http.latency answered with a ratio, and its limit is a duration"
    ):
        judge("orders", objective(), seen("0.1", dimension=Dimension.RATIO))


def test_a_verdict_is_known_by_its_system_and_objective() -> None:
    assert verdict("1").id == "orders/api-latency"


@pytest.mark.parametrize(
    ("value", "low", "high", "reason"),
    [
        ("3.01", "2.99", "3.05", "expected <= 2 s, observed 3.01 s (2.99 to 3.05 s, 400 samples)"),
        ("1.5", None, None, "expected <= 2 s, observed 1.5 s (400 samples)"),
        ("0.9", "0.9", "1.1", "expected <= 2 s, observed 900 ms (900 ms to 1.1 s, 400 samples)"),
        ("2.5", "2.5", "Infinity", "expected <= 2 s, observed 2.5 s (2.5 s to no answer, 400 samples)"),
        ("Infinity", None, None, "expected <= 2 s, observed no answer (400 samples)"),
        ("2.0001", None, None, "expected <= 2 s, observed 2.0001 s (400 samples)"),
        (
            "1.99",
            "1.9",
            "2.1",
            "expected <= 2 s, observed 1.99 s (1.9 to 2.1 s, 400 samples), which is on both sides of the limit",
        ),
        (None, None, None, "expected <= 2 s, observed nothing: connection refused"),
    ],
)
def test_the_reason_says_what_was_expected_and_what_was_observed(
    value: str | None, low: str | None, high: str | None, reason: str
) -> None:
    assert verdict(value, low, high).reason == reason


def test_one_sample_is_not_counted_in_words() -> None:
    assert judge("orders", objective(), seen("3", samples=1)).reason == "expected <= 2 s, observed 3 s"


def test_an_inconclusive_verdict_says_the_cheapest_way_out() -> None:
    found = judge("orders", objective(), seen("1.9", "1.8", "2.2", remedy="needs 1,600 requests"))
    assert found.reason.endswith("on both sides of the limit; needs 1,600 requests")


@given(seconds, seconds)
def test_a_failing_value_never_reads_like_its_limit(bound: Decimal, value: Decimal) -> None:
    found = verdict(str(value), limit=f"<= {bound} s")
    if found.status is Status.FAIL:
        expected, _, observed = found.reason.partition(", observed ")
        assert observed.removesuffix(" (400 samples)") != expected.removeprefix("expected <= ")


def test_a_failure_says_expected_observed_where_and_because() -> None:
    assert failure_text(verdict("3.01", "2.99", "3.05")) == (
        "FAIL orders/api-latency                       severity: high\n"
        "  expected  <= 2 s                            systems/orders/policy.yaml:31\n"
        "  observed  3.01 s (2.99 to 3.05 s, 400 samples)  https://api.example.com/orders\n"
        "  because   runbook.txt:12 (Key Metrics): p95 over one sample.\n"
        "  look closer: drillbook explain orders/api-latency"
    )


def test_a_failure_without_a_note_cites_the_runbook_alone() -> None:
    without = replace(objective(), note="")
    text = failure_text(judge("orders", without, seen("3")))
    assert text.splitlines()[3] == "  because   runbook.txt:12 (Key Metrics)"


def test_an_inconclusive_verdict_is_told_with_its_problem_and_remedy() -> None:
    text = failure_text(judge("orders", objective(), seen(None, remedy="start the system")))
    first, _, observed, _, remedy, closer = text.splitlines()
    assert closer == "  look closer: drillbook explain orders/api-latency"
    assert first.startswith("INCONCLUSIVE orders/api-latency")
    assert observed.startswith("  observed  nothing: connection refused")
    assert remedy == "  remedy    start the system"
