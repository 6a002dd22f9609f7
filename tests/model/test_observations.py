"""An observation is a value within its bounds, or nothing and the reason."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.judge.records import seen


def test_an_exact_value_is_its_own_bounds() -> None:
    one = seen("3")
    assert (one.low, one.value, one.high) == (Decimal(3), Decimal(3), Decimal(3))


def test_a_value_outside_of_its_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="within its bounds: 1 <= 3 <= 2"):
        seen("3", "1", "2")


def test_nothing_observed_needs_a_reason() -> None:
    nothing = seen(None)
    assert nothing.problem == "connection refused"
    with pytest.raises(ValueError, match="must say what the problem was"):
        type(nothing)(nothing.dimension, nothing.where, nothing.at)


@pytest.mark.parametrize(
    ("value", "low", "high"), [("NaN", None, None), ("1", "NaN", "2"), ("1", "0", "NaN"), ("1", "-Infinity", "2")]
)
def test_what_is_no_number_is_refused(value: str, low: str | None, high: str | None) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        seen(value, low, high)


def test_an_answer_that_never_came_is_infinite() -> None:
    assert seen("2", "1", "Infinity").high == Decimal("Infinity")
