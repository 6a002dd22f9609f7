"""A documented way back that can't be followed to its end is none, also where the system recovers without it."""

from __future__ import annotations

from drillbook.model.timeline import Event, EventKind, Timeline
from drillbook.model.verdict import Status
from tests.judge.test_drill import judged, timeline


def failed(*, unseen: bool) -> Timeline:
    line = timeline()
    details = {"begun": 3.5, "took_seconds": 0.5, "problem": "sql database: too many clients", "unseen": unseen}
    events = sorted([*line.events, Event(EventKind.STEP, 4.0, "sql database", details)], key=lambda event: event.at)
    return Timeline(tuple(events), line.samples, line.interval_seconds)


def test_a_step_that_fails_fails_the_drill_though_the_system_recovered() -> None:
    found = judged(timeline=failed(unseen=False), problems=("a recovery step failed",))
    assert found.recovery is not None
    assert found.status is Status.FAIL
    assert found.reason == "the procedure can't be followed to its end: sql database: too many clients"


def test_a_step_that_nobody_could_see_leaves_it_untold() -> None:
    found = judged(timeline=failed(unseen=True), problems=("a recovery step failed",))
    assert (found.status, found.reason) == (Status.INCONCLUSIVE, "a recovery step failed")
