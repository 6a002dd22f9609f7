"""Chaos Mesh's words, read."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.network.chaos_selection import take
from drillbook.sandbox.network.chaos_spec import (
    AS_RESETS,
    Unsupported,
    bytes_per_second,
    effect_of,
    percentage,
    seconds_of,
)
from drillbook.sandbox.network.token_bucket import TokenBucket


@pytest.mark.parametrize(
    ("text", "seconds"), [("90ms", 0.09), ("1h30m", 5400), ("1.5s", 1.5), ("250us", 0.00025), ("0", 0)]
)
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "1 s", "s", "-1s", "1d", "10msx"])
def test_what_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        seconds_of(text)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 999))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, millis: int) -> None:
    assert seconds_of(f"{hours}h{minutes}m{millis}ms") == pytest.approx(hours * 3600 + minutes * 60 + millis / 1000)


@pytest.mark.parametrize(
    ("text", "rate"), [("10bps", 10), ("2kbps", 2048), ("1mbps", 2**20), ("1.5 Gbps", 1.5 * 2**30)]
)
def test_rates_are_bytes_with_units_of_1024(text: str, rate: float) -> None:
    assert bytes_per_second(text) == rate


@pytest.mark.parametrize("text", ["", "1", "mbps", "0bps", "1mbit"])
def test_what_is_no_rate_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="invalid rate"):
        bytes_per_second(text)


@given(st.floats(0, 100))
def test_percentages_become_ratios(value: float) -> None:
    assert 0 <= percentage(str(value)) <= 1


@pytest.mark.parametrize("action", ["duplicate", "corrupt"])
def test_what_a_balancer_of_connections_can_not_do_is_refused_and_not_pretended(action: str) -> None:
    with pytest.raises(Unsupported, match=action):
        effect_of({"action": action, action: {action: "10"}}, "cause", {})


def test_packets_out_of_order_and_targets_outside_are_refused_too() -> None:
    with pytest.raises(Unsupported, match="reorder"):
        effect_of({"action": "delay", "delay": {"latency": "1ms", "reorder": {"reorder": "1", "gap": 1}}}, "c", {})
    with pytest.raises(Unsupported, match="externalTargets"):
        effect_of({"action": "partition", "externalTargets": ["example.com"]}, "c", {})


def test_a_loss_loses_packets_and_where_the_annotation_says_so_resets_connections() -> None:
    spec = {"action": "loss", "loss": {"loss": "25"}}
    assert effect_of(spec, "c", {}).treatment.loss == 0.25
    resets = effect_of(spec, "c", {AS_RESETS: "resets"})
    assert resets.treatment.loss == 0
    assert [one.ratio for one in resets.treatment.resets] == [0.25]
    assert "Chaos Mesh loses packets" in resets.approximations[0]


def test_a_netem_action_combines_delay_and_loss() -> None:
    spec = {"action": "netem", "delay": {"latency": "10ms"}, "loss": {"loss": "1", "correlation": "50"}}
    effect = effect_of(spec, "c", {})
    assert (effect.treatment.latency_seconds, effect.treatment.loss) == (0.01, 0.01)
    assert effect.approximations


@given(st.lists(st.integers(), max_size=20, unique=True), st.integers(0, 30), st.integers(0, 100))
def test_a_mode_takes_as_many_as_it_says_and_each_once(found: list[int], count: int, percent: int) -> None:
    assert take(found, "all", "") == found
    assert len(take(found, "one", "")) == min(1, len(found))
    assert len(take(found, "fixed", str(count))) == min(count, len(found))
    assert len(take(found, "fixed-percent", str(percent))) == len(found) * percent // 100
    some = take(found, "random-max-percent", str(percent))
    assert len(some) <= len(found) * percent / 100
    assert len(set(some)) == len(some)
    assert set(some) <= set(found)


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 1)), min_size=1, max_size=30))
def test_a_bucket_never_lets_more_through_than_burst_and_rate_allow(arrivals: list[tuple[int, float]]) -> None:
    bucket, now, passed = TokenBucket(1000.0, 500.0), 0.0, 0
    last = 0.0
    for size, pause in arrivals:
        now += pause
        through = bucket.reserve(size, now)
        passed += size
        assert through >= max(now, last)
        assert passed <= 500 + 1000 * through + 1e-6
        last = through


def test_a_bucket_is_asked_in_the_time_of_the_loop() -> None:
    async def main() -> None:
        bucket = TokenBucket(1000.0, 10.0)
        now = asyncio.get_running_loop().time()
        assert bucket.reserve(10, now) == pytest.approx(now, abs=1e-6)
        assert bucket.reserve(1000, now) == pytest.approx(now + 1, abs=1e-6)

    asyncio.run(main())
