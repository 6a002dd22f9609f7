"""The catalogue of indicators is sound in itself."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from drillbook.model.indicators import INDICATORS, REQUIRED, Indicator
from drillbook.model.limit import Limit
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension, Quantity
from drillbook.model.text_limit import TextLimit

each = pytest.mark.parametrize("indicator", INDICATORS.values(), ids=list(INDICATORS))


@each
def test_an_indicator_is_named_by_its_subject_and_what_is_seen_of_it(indicator: Indicator) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", indicator.name)


@each
def test_an_indicator_needs_only_what_a_component_can_say(indicator: Indicator) -> None:
    assert set(indicator.needs) <= {field.name for field in fields(Component)}


@each
def test_the_default_of_a_parameter_is_one_that_a_policy_could_have_given(indicator: Indicator) -> None:
    for parameter in indicator.parameters.values():
        default: Any = parameter.default
        if default is REQUIRED or default is None:
            continue
        assert not parameter.choices or default in parameter.choices
        assert parameter.low is None or parameter.low <= default
        assert parameter.high is None or default <= parameter.high
        assert isinstance(default, parameter.type)


@each
def test_every_indicator_has_values_that_pass_and_values_that_fail(indicator: Indicator) -> None:
    """Somewhere between its least and its greatest value, a limit can divide."""
    if indicator.dimension is Dimension.TEXT:
        assert TextLimit("==", "a").holds_for("a") is not TextLimit("==", "a").holds_for("b")
        return
    middle = Quantity(indicator.high / 2 if indicator.high else indicator.low.max(0) + 1, indicator.dimension)
    assert indicator.low < middle.value
    assert indicator.high is None or middle.value < indicator.high
    assert Limit("<=", middle).holds_at(indicator.low)


def test_only_what_is_a_part_of_a_whole_ends_at_the_whole() -> None:
    """CPU and memory of a pod can exceed their limit for a while; an error ratio can't, and a service is up or not."""
    ending = {i.name for i in INDICATORS.values() if i.high is not None}
    assert ending == {
        "cache.hit_ratio",
        "http.availability",
        "http.error_ratio",
        "http.status_ratio",
        "node.disk_ratio",
        "service.up",
        "volume.used_ratio",
    }
    assert all(INDICATORS[name].dimension is Dimension.RATIO for name in ending - {"service.up"})
