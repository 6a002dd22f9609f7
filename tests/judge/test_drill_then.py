"""What must be true after the procedure, in the judgement of a drill: one that isn't true fails it, and says where."""

from __future__ import annotations

from drillbook.model.drill import PostCondition
from drillbook.model.policy import Source
from drillbook.model.timeline import Event, EventKind, Timeline
from drillbook.model.verdict import Status
from tests.judge.test_drill import judged, timeline

LINE = Source("runbook.txt", "Restore", (290, 290))


def condition(status: Status, reason: str = "expected 3 replicas, found 2") -> PostCondition:
    return PostCondition("replicas_restored", "replicas_restored api to 3", status, reason, LINE)


def stepped(problem: str = "") -> Timeline:
    line = timeline()
    step = Event(EventKind.STEP, 4.0, "wait_ready api", {"begun": 3.5, "took_seconds": 0.5, "problem": problem})
    return Timeline(tuple(sorted([*line.events, step], key=lambda e: e.at)), line.samples, line.interval_seconds)


def test_what_is_true_changes_nothing_and_is_kept() -> None:
    found = judged(then=(condition(Status.PASS),))
    assert (found.status, found.then) == (Status.PASS, (condition(Status.PASS),))


def test_what_is_not_true_fails_the_drill_with_the_runbooks_line_and_the_step_that_claimed_success() -> None:
    found = judged(then=(condition(Status.PASS), condition(Status.FAIL)), timeline=stepped())
    assert found.status is Status.FAIL
    assert found.reason == (
        "runbook.txt:290 wants replicas_restored api to 3: expected 3 replicas, found 2; "
        "step wait_ready api claimed success"
    )


def test_a_procedure_that_claimed_nothing_is_not_said_to_have_claimed_success() -> None:
    found = judged(then=(condition(Status.FAIL),))
    assert found.reason.endswith("found 2")


def test_what_nobody_could_see_makes_it_inconclusive_with_the_reason() -> None:
    found = judged(then=(condition(Status.INCONCLUSIVE, "no Secret can be read"),))
    assert found.status is Status.INCONCLUSIVE
    assert found.reason == (
        "runbook.txt:290 wants replicas_restored api to 3, and that could not be seen: no Secret can be read"
    )


def test_a_violation_counts_before_what_nobody_could_see() -> None:
    found = judged(then=(condition(Status.INCONCLUSIVE, "no Secret can be read"), condition(Status.FAIL)))
    assert (found.status, "found 2" in found.reason) == (Status.FAIL, True)
