"""Outages from samples."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge.outage import bad_stretches, completed, outages, union_seconds
from drillbook.model.timeline import Interval, Sample, Timeline

EVERY = 0.1
SUSTAINED = 0.5


def samples(pattern: str, took: float = 0.01, signal: str = "read") -> list[Sample]:
    """``..xx..``: one sample every 100 ms, x is bad."""
    return [Sample(signal, round(n * EVERY, 6), took, mark == ".") for n, mark in enumerate(pattern)]


def stretches(pattern: str) -> list[Interval]:
    return bad_stretches(samples(pattern), SUSTAINED, EVERY)


def total(found: list[Interval]) -> float:
    return union_seconds(found)


PATTERNS = st.text(alphabet=".x", max_size=60)


def test_nothing_bad_is_no_outage() -> None:
    assert stretches("..........") == []


def test_an_outage_lasts_from_the_first_bad_due_to_the_answer_of_the_first_good() -> None:
    (found,) = stretches("...xx.......")
    assert (found.begin, round(found.end, 6), found.ended) == (0.3, 0.51, True)


def test_a_flap_before_the_run_is_sustained_makes_one_longer_outage() -> None:
    (found,) = stretches("..x..x.......")
    assert (found.begin, round(found.end, 6)) == (0.2, 0.61)


def test_a_second_outage_after_a_sustained_run_is_another_one() -> None:
    assert [round(i.begin, 6) for i in stretches(".x........x........")] == [0.1, 1.0]


def test_an_outage_that_is_not_seen_to_end_says_so_and_lasts_until_the_last_answer() -> None:
    (found,) = stretches("...xx..")
    assert not found.ended
    assert round(found.end, 6) == 0.61


def test_two_good_answers_with_silence_between_them_are_no_sustained_run() -> None:
    sparse = [Sample("read", 0.0, 0.01, False), Sample("read", 0.1, 0.01, True), Sample("read", 5.0, 0.01, True)]
    (found,) = bad_stretches(sparse, SUSTAINED, EVERY)
    assert not found.ended


def test_signals_have_outages_of_their_own_and_overlaps_count_once() -> None:
    both = samples(".xx.......") + samples("..xx......", signal="write")
    found = outages(Timeline((), tuple(both), {"read": EVERY, "write": EVERY}), SUSTAINED)
    assert [i.signal for i in found] == ["read", "write"]
    assert round(union_seconds(found), 6) == 0.31


@given(PATTERNS)
def test_an_outage_is_never_negative_and_lies_within_what_was_looked_at(pattern: str) -> None:
    looked = samples(pattern)
    for found in stretches(pattern):
        assert found.begin <= found.end <= max(completed(s) for s in looked)


@given(PATTERNS)
def test_every_bad_sample_lies_in_an_outage(pattern: str) -> None:
    found = stretches(pattern)
    for sample in samples(pattern):
        if not sample.good:
            assert any(i.begin <= sample.due < i.end for i in found)


@given(PATTERNS, st.data())
def test_one_more_bad_sample_never_makes_the_outage_shorter(pattern: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(pattern)))
    worse = pattern[:place] + "x" + pattern[place + 1 :]
    assert total(stretches(worse)) >= total(stretches(pattern)) - 1e-9


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10))))
def test_a_union_is_at_most_the_sum_and_at_least_the_longest(pairs: list[tuple[float, float]]) -> None:
    intervals = [Interval("read", begin, begin + length) for begin, length in pairs]
    lengths = [i.end - i.begin for i in intervals]
    assert max(lengths, default=0.0) - 1e-9 <= union_seconds(intervals) <= sum(lengths) + 1e-9
