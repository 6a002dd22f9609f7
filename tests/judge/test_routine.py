"""Routine procedures, of which nothing is broken: the time until they are done is judged, and what they cost users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drillbook.judge.drill import judge_drill
from drillbook.judge.reading import Evidence
from drillbook.model.drill import DrillResult, FaultReport
from drillbook.model.timeline import Event, EventKind
from drillbook.model.verdict import Status
from tests.judge.test_drill import GOOD, INJECTING, timeline

NOTHING = FaultReport("noop", True, (), {"fault": "nothing is broken"}, routine=True)


def step(at: float, **details: Any) -> Event:
    return Event(EventKind.STEP, INJECTING + at, "scale api to 5", {"took_seconds": 0.1, "problem": "", **details})


def routine(*steps: Event, bad: tuple[float, float] | None = None, **changes: Any) -> DrillResult:
    line = timeline(bad)
    with_steps = replace(line, events=(*line.events, *steps))
    evidence: Evidence = replace(GOOD, fault=NOTHING, timeline=with_steps, **changes)
    return judge_drill(evidence)


def test_its_time_is_that_of_the_procedure_and_not_of_an_outage_that_never_was() -> None:
    found = routine(step(0.5), step(3.0))
    assert found.status is Status.PASS, found.reason
    assert found.recovery is not None
    assert 2.9 <= found.recovery.lower <= found.recovery.upper <= 3.1
    assert found.outage_seconds == 0


def test_an_outage_that_the_procedure_makes_is_shown_and_ends_after_it() -> None:
    found = routine(step(0.5), step(1.0), bad=(3.6, 5.6))
    assert found.recovery is not None
    assert 2.5 <= found.recovery.upper <= 2.8
    assert 1.9 <= found.outage_seconds <= 2.2


def test_a_procedure_that_takes_longer_than_it_may_fails() -> None:
    found = routine(step(3.0), limit_seconds=2.0)
    assert found.status is Status.FAIL
    assert found.reason.startswith("recovered only after 2.95 s to 3 s")


def test_a_step_that_fails_fails_the_drill_though_nothing_was_ever_broken() -> None:
    found = routine(step(0.5), step(1.0, problem="no such image"), problems=("a recovery step failed: no such image",))
    assert (found.status, found.reason) == (Status.FAIL, "the procedure can't be followed to its end: no such image")


def test_a_step_that_could_not_be_asked_is_no_fault_of_the_procedure() -> None:
    found = routine(step(1.0, problem="the database doesn't answer", unseen=True), problems=("a recovery step failed",))
    assert (found.status, found.reason) == (Status.INCONCLUSIVE, "a recovery step failed")


def test_what_people_are_given_for_their_steps_counts_though_nobody_took_it() -> None:
    found = routine(step(1.0, assumed=True, documented_seconds=1800.0))
    assert found.recovery is not None
    assert 1800.9 <= found.recovery.upper <= 1801.1


def test_a_time_of_ours_is_never_called_documented() -> None:
    ours = routine(step(1.0), limit_ours=True, limit_from="sandbox.yaml:7: ours: twice what it takes")
    assert "given here: 1 h" in ours.reason
    assert (ours.limit_from, ours.limit_ours) == ("sandbox.yaml:7: ours: twice what it takes", True)
