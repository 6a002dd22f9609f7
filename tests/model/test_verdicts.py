"""The status of a whole, its exit code, and how far inside its limit a value is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ExitCode
from drillbook.model.verdict import Status, exit_code, worst
from tests.judge.records import verdict

statuses = st.lists(st.sampled_from([*Status]))


def test_nothing_checked_is_never_a_pass() -> None:
    assert worst([]) is Status.INCONCLUSIVE


@given(statuses)
def test_a_whole_passes_only_when_all_of_it_passes(found: list[Status]) -> None:
    assert (worst(found) is Status.PASS) is (bool(found) and set(found) == {Status.PASS})


@given(statuses, statuses)
def test_a_whole_is_as_bad_as_its_worst_part_in_whatever_order(some: list[Status], others: list[Status]) -> None:
    assert worst(some + others) is worst(others + some)
    if some and others:
        assert worst(some + others) is worst([worst(some), worst(others)])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.PASS, ExitCode.PASS),
        (Status.WAIVED, ExitCode.PASS),
        (Status.FAIL, ExitCode.VIOLATION),
        (Status.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
    ],
)
def test_each_status_has_its_documented_exit_code(status: Status, code: ExitCode) -> None:
    assert exit_code(status) is code


@pytest.mark.parametrize(
    ("limit", "value", "low", "high", "margin"),
    [
        ("<= 2 s", "1", None, None, "0.5"),
        ("<= 2 s", "3", None, None, "-0.5"),
        ("<= 2 s", "1", "0.5", "1.5", "0.25"),
        (">= 2 s", "3", None, None, "0.5"),
        (">= 2 s", "3", "1", "4", "-0.5"),
        ("== 2 s", "2", None, None, None),
        ("<= 0 s", "1", None, None, None),
        ("<= 2 s", None, None, None, None),
    ],
)
def test_the_margin_is_that_of_the_worst_end_as_a_share_of_the_limit(
    limit: str, value: str | None, low: str | None, high: str | None, margin: str | None
) -> None:
    assert verdict(value, low, high, limit).margin == (None if margin is None else Decimal(margin))
