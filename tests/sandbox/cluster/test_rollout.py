"""The arithmetic of a rolling update."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.controllers.rollout import Leeway, leeway, new_size, proportional, share

SIZES = st.integers(0, 200)


@given(st.integers(0, 100), SIZES)
def test_a_share_rounds_up_for_surge_and_down_for_the_missing(percent: int, whole: int) -> None:
    assert share(f"{percent}%", whole, up=True) == math.ceil(percent * whole / 100)
    assert share(f"{percent}%", whole, up=False) == math.floor(percent * whole / 100)


def test_kubernetes_defaults_allow_a_quarter_either_way() -> None:
    assert leeway({"replicas": 10}) == Leeway(3, 2)


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_rollout_can_always_move(wanted: int, surge: int, missing: int) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": missing}
    allowed = leeway({"replicas": wanted, "strategy": {"rollingUpdate": rolling}})
    assert allowed.surge + allowed.unavailable > 0
    assert allowed.unavailable <= wanted


@given(st.integers(0, 50), st.integers(0, 10), st.integers(0, 60), st.integers(0, 60))
def test_the_new_pods_never_exceed_what_is_wanted_nor_the_surge(wanted: int, surge: int, new: int, old: int) -> None:
    size = new_size(wanted, Leeway(surge, 0), new, [new, old])
    assert size <= max(wanted, 0)
    if new < wanted:
        assert size >= new
        assert size + old <= max(wanted + surge, new + old)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 200))
def test_scaling_in_the_middle_of_a_rollout_shares_the_change_out_completely(sizes: list[int], total: int) -> None:
    planned = [sum(sizes)] * len(sizes)
    shared = proportional(sizes, total, planned)
    assert sum(shared) == total
    assert all(size >= 0 for size in shared)
