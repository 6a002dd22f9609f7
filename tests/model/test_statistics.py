"""Bounds: as wide as the evidence, no wider, and never on the wrong side of the value."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.statistics import quantile_bounds, wilson


@pytest.mark.parametrize(
    ("count", "q", "value", "low", "high"),
    [
        (100, 0.95, 95, 90, 100),
        (300, 0.99, 297, 293, math.inf),
        (10_000, 0.99, 9900, 9880, 9920),
        (1, 0.5, 1, -math.inf, math.inf),
    ],
)
def test_a_quantile_is_bounded_by_order_statistics(count: int, q: float, value: int, low: float, high: float) -> None:
    assert quantile_bounds(range(1, count + 1), q) == (value, low, high)


@given(st.lists(st.floats(0, 1e6) | st.just(math.inf), min_size=1, max_size=300), st.floats(0.01, 0.99))
def test_a_quantile_lies_within_its_bounds_and_is_one_of_the_values(values: list[float], q: float) -> None:
    found = quantile_bounds(sorted(values), q)
    assert found.low <= found.value <= found.high
    assert found.value in values
    assert sum(v <= found.value for v in values) >= q * len(values) - 1e-6


def test_the_bounds_of_a_quantile_cover_the_truth_as_often_as_they_say() -> None:
    dice = random.Random(7)
    hits = 0
    for _ in range(400):
        found = quantile_bounds(sorted(dice.random() for _ in range(200)), 0.95)
        hits += found.low <= 0.95 <= found.high
    assert hits >= 400 * 0.93


def test_a_large_sample_is_fast_and_does_not_underflow() -> None:
    found = quantile_bounds(range(100_000), 0.95)
    assert 94_850 < found.low < found.value < found.high < 95_150


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_ratio_lies_within_its_bounds(counts: tuple[int, int]) -> None:
    k, n = counts
    found = wilson(k, n)
    assert 0 <= found.low <= k / n <= found.high <= 1
    assert found.value == k / n
    assert found.low < found.high


def test_no_failure_among_many_is_not_no_failure_at_all() -> None:
    assert wilson(0, 400).low == 0
    assert wilson(0, 400).high == pytest.approx(0.0095, abs=1e-4)


def test_a_known_ratio_has_the_bounds_of_the_textbook() -> None:
    found = wilson(10, 100)
    assert found.low == pytest.approx(0.0552, abs=1e-4)
    assert found.high == pytest.approx(0.1744, abs=1e-4)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_errors(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= k <= n"):
        wilson(k, n)


def test_an_empty_sample_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="expected a sample"):
        quantile_bounds([], 0.5)
