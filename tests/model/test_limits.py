"""Limits: held against intervals exactly as they would be against each of their values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.limit import Limit
from drillbook.model.quantity import Dimension, Quantity

COMPARATORS = ("<", "<=", ">", ">=", "==", "!=")
numbers = st.integers(-6, 6).map(Decimal)
halves = st.integers(-14, 14).map(lambda n: Decimal(n) / 2)


def limit(comparator: str, bound: Decimal) -> Limit:
    return Limit(comparator, Quantity(bound, Dimension.COUNT))


limits = st.builds(limit, st.sampled_from(COMPARATORS), numbers)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Decimal, Decimal]:
    low, high = sorted((draw(halves), draw(halves)))
    return low, high


def points(low: Decimal, high: Decimal) -> list[Decimal]:
    """Every half and quarter of the interval: its ends, its integers, and what lies between."""
    return [low + Decimal(n) / 4 for n in range(int((high - low) * 4) + 1)]


def good(one: Limit, value: Decimal) -> bool:
    """The comparison in plain arithmetic."""
    bound = one.quantity.value
    difference = value - bound
    return {
        "<": difference < 0,
        "<=": not difference > 0,
        ">": difference > 0,
        ">=": not difference < 0,
        "==": not difference,
        "!=": bool(difference),
    }[one.comparator]


@given(limits, halves)
def test_a_comparison_is_the_one_of_plain_arithmetic(one: Limit, value: Decimal) -> None:
    assert one.holds_at(value) is good(one, value)


@given(limits, intervals())
def test_an_interval_holds_when_all_of_it_is_good_and_fails_when_none_is(
    one: Limit, interval: tuple[Decimal, Decimal]
) -> None:
    truths = {good(one, value) for value in points(*interval)}
    expected = truths.pop() if len(truths) == 1 else None
    assert one.holds_for(*interval) is expected


@given(limits, intervals())
def test_the_sign_of_the_excess_agrees_with_the_verdict(one: Limit, interval: tuple[Decimal, Decimal]) -> None:
    excess, holds = one.excess(*interval), one.holds_for(*interval)
    if excess < 0:
        assert holds is True
    elif excess > 0:
        assert holds is not True
    else:
        assert one.quantity.value in interval or interval[0] < one.quantity.value < interval[1]


@given(limits, intervals(), intervals())
def test_a_wider_interval_is_never_surer(
    one: Limit, first: tuple[Decimal, Decimal], second: tuple[Decimal, Decimal]
) -> None:
    wider = (min(first[0], second[0]), max(first[1], second[1]))
    if one.holds_for(*wider) is not None:
        assert one.holds_for(*first) is one.holds_for(*wider)


@given(limits, limits)
def test_one_limit_accepts_all_of_another_exactly_when_no_value_says_otherwise(one: Limit, other: Limit) -> None:
    everything = points(Decimal(-20), Decimal(20))
    assert one.accepts_all_of(other) is all(good(one, v) for v in everything if good(other, v))


@pytest.mark.parametrize(
    ("text", "low", "expected"),
    [("<= 2 s", "1", None), ("<= 2 s", "3", False), (">= 2 s", "3", True), ("< 2 s", "Infinity", False)],
)
def test_an_answer_that_never_came_is_beyond_every_upper_limit(text: str, low: str, expected: bool | None) -> None:
    assert Limit.parse(text, Dimension.DURATION).holds_for(Decimal(low), Decimal("Infinity")) is expected


@pytest.mark.parametrize("text", ["< 500 ms", "<=2s", "  >=   1h30m  ", "==0 s", "!= 5 min"])
def test_a_limit_is_printed_so_that_it_reads_back(text: str) -> None:
    one = Limit.parse(text, Dimension.DURATION)
    assert Limit.parse(str(one), Dimension.DURATION) == one


@given(limits)
def test_every_limit_is_printed_so_that_it_reads_back(one: Limit) -> None:
    assert Limit.parse(str(one), Dimension.COUNT) == one


@pytest.mark.parametrize("text", ["", "2 s", "=> 2 s", "=< 2 s", "= 2 s", "<", "<= ", "< < 2 s", "~ 2 s", "2 s <"])
def test_what_is_no_limit_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a "):
        Limit.parse(text, Dimension.DURATION)
