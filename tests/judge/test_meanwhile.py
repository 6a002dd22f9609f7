"""A system that was bad and is well again before anybody looks: what was bad meanwhile is an outage all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.model.drill import FaultReport
from drillbook.model.verdict import Status
from tests.judge.test_drill import INJECTING, judged, timeline, verdict

BEGINS = st.floats(INJECTING + 0.1, INJECTING + 2)
LASTS = st.floats(0.3, 3.5)


@settings(max_examples=60, deadline=timedelta(seconds=2))
@given(BEGINS, LASTS, st.sampled_from([0.2, 1.0, 2.0, 4.0, 3600.0]))
def test_what_recovers_before_the_end_is_measured_and_held_to_its_time(
    begin: float, lasts: float, limit: float
) -> None:
    found = judged(timeline=timeline(bad=(begin, begin + lasts)), limit_seconds=limit)
    # Everything holds at the end, as whoever only looks before and after would see it.
    assert all(one.status is Status.PASS for one in found.objectives_after)
    assert found.outage_seconds is not None
    assert abs(found.outage_seconds - lasts) < 0.2
    assert found.recovery is not None
    assert found.recovery.upper > begin + lasts - INJECTING - 0.2
    if found.recovery.upper <= limit:
        assert found.status is Status.PASS
    else:
        # Inconclusive where the limit lies within what is known of the moment, and a failure beyond it.
        assert found.status is (Status.FAIL if found.recovery.lower > limit else Status.INCONCLUSIVE)


def test_a_deviation_that_is_over_too_late_fails_although_all_is_well_at_the_end() -> None:
    found = judged(timeline=timeline(bad=(3.1, 5.1)), limit_seconds=1)
    assert found.status is Status.FAIL
    assert "recovered" in found.reason
    assert "1" in found.reason


def test_a_deviation_that_nobody_gave_a_time_is_no_pass() -> None:
    found = judged(timeline=timeline(bad=(3.1, 5.1)), limit_seconds=None)
    assert found.status is Status.INCONCLUSIVE


def test_a_deviation_before_the_fault_is_no_baseline_however_well_it_ends() -> None:
    found = judged(timeline=timeline(bad=(1.5, 2.9)))
    assert (found.status, found.baseline_held) == (Status.INCONCLUSIVE, False)


def test_a_system_that_is_bad_twice_recovers_when_it_is_well_for_good() -> None:
    once, twice = timeline(bad=(3.1, 3.6)), timeline(bad=(8.0, 8.5))
    both = {(s.signal, s.due): s for s in once.samples}
    both |= {(s.signal, s.due): s for s in twice.samples if not s.good}
    line = timeline(bad=None)
    found = judged(
        timeline=type(line)(line.events, tuple(both[s.signal, s.due] for s in line.samples), line.interval_seconds)
    )
    assert found.recovery is not None
    assert found.outage_seconds == pytest.approx(1.0, abs=0.25)


def test_an_objective_that_is_bad_only_at_the_end_fails_however_good_the_answers_were() -> None:
    found = judged(timeline=timeline(bad=None), objectives_after=(verdict(Status.FAIL),))
    assert found.status is Status.FAIL


def test_a_fault_that_did_not_land_is_no_pass_although_nothing_deviated() -> None:
    found = judged(timeline=timeline(bad=None), fault=FaultReport("pod-kill", False, ("pod/postgres-1",), {}))
    assert found.status is Status.INCONCLUSIVE
