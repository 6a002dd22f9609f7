"""Kubernetes quantities are read exactly."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.clients.kube_quantity import kube_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2000m", "2"),
        ("2", "2"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("12345678n", "0.012345678"),
        ("250u", "0.00025"),
        ("512Mi", "536870912"),
        ("512M", "512000000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("2Ei", "2305843009213693952"),
        ("128974848000m", "128974848"),
        ("-1Gi", "-1073741824"),
    ],
)
def test_every_spelling_has_its_value(text: str, value: str) -> None:
    assert kube_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1GB", "1ki", "0x10", "1e", "1,5", "Infinity", "NaN", "1Mi1"])
def test_what_kubernetes_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a Kubernetes quantity"):
        kube_quantity(text)


@given(st.integers(0, 10**9))
def test_a_thousand_milli_are_one_and_1024_mebi_a_gibi(number: int) -> None:
    assert kube_quantity(f"{number * 1000}m") == kube_quantity(str(number))
    assert kube_quantity(f"{number * 1024}Mi") == kube_quantity(f"{number}Gi")


@given(st.text(alphabet="0123456789.eE+-numkKMGTPi ", max_size=12))
def test_any_text_is_a_quantity_or_a_sentence(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert kube_quantity(text).is_finite()
