"""Quantities come back in Kubernetes' canonical form."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.api.quantities import canonical, parse

SUFFIXES = ["", "m", "k", "M", "G", "T", "u", "n", "Ki", "Mi", "Gi", "Ti", "e3", "E-2"]


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("1000m", "1"), ("2000m", "2"), ("0.5", "500m"), ("500m", "500m"), ("1.5Gi", "1536Mi"), ("1024Mi", "1Gi"),
        ("2Gi", "2Gi"), ("0", "0"), ("0Gi", "0"), ("1000", "1k"), ("512", "512"), ("1e3", "1e3"), ("0.1n", "1n"),
        ("1023Ki", "1023Ki"), ("0.5Ki", "512"), ("-1", "-1"), ("+2", "2"), (".5", "500m"), ("1500M", "1500M"),
    ],
)  # fmt: skip
def test_the_biggest_unit_that_leaves_a_whole_number_is_taken(given_: str, kept: str) -> None:
    assert canonical(given_) == kept


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1gi", "1.2.3", "Gi", "1ee3", "--1", "1KI"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantit"):
        canonical(text)
    with pytest.raises(ValueError, match="quantity"):
        parse(text)


@given(st.integers(0, 10**6), st.sampled_from(SUFFIXES))
def test_the_canonical_form_has_the_same_value(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    assert parse(canonical(text)) == parse(text)


@given(st.integers(0, 10**6), st.sampled_from(SUFFIXES))
def test_the_canonical_form_is_its_own_canonical_form(number: int, suffix: str) -> None:
    once = canonical(f"{number}{suffix}")
    assert canonical(once) == once


def test_less_than_a_nano_is_rounded_up() -> None:
    assert parse(canonical("0.0000000001")) == Decimal("1e-9")
