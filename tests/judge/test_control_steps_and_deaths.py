"""What a control arm proves, what steps claimed and took, and which kind of death a fault was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drillbook.judge.control import ControlArm, against
from drillbook.judge.death import kind_of_death
from drillbook.judge.steps import claims, late_steps
from drillbook.model.death import Death
from drillbook.model.drill import RecoveryTime
from drillbook.model.timeline import Event, EventKind, Timeline
from drillbook.model.verdict import Status
from tests.judge.test_drill import GOOD, judged, timeline

SICK = ControlArm(landed=True, recovery=None, waited_seconds=120, undone=True, reason="not recovered")


def test_a_pass_stays_one_where_the_system_did_not_heal_by_itself() -> None:
    found = against(SICK, judged())
    assert found.status is Status.PASS
    assert found.reason.endswith("; without the procedure it had not recovered after 2 min")
    assert found.fault.evidence["without the procedure"] == {"recovered_seconds": None, "waited_seconds": 120}


def test_a_procedure_without_which_the_system_heals_is_unproven() -> None:
    healed = replace(SICK, recovery=RecoveryTime(2.0, 2.5))
    found = against(healed, judged())
    assert found.status is Status.INCONCLUSIVE
    assert found.reason == ("the procedure is unproven: without it the system recovered by itself in 2 s to 2.5 s")
    assert found.fault.evidence["without the procedure"]["recovered_seconds"] == [2.0, 2.5]


def test_a_control_arm_whose_fault_did_not_land_proves_nothing() -> None:
    found = against(replace(SICK, landed=False), judged())
    assert found.status is Status.INCONCLUSIVE
    assert found.reason.startswith("the control arm proves nothing, its fault was not seen to land: not recovered")


def test_a_failure_stays_a_failure_whatever_the_control_arm_says() -> None:
    failed = judged(undone=False)
    for arm in (SICK, replace(SICK, landed=False), replace(SICK, recovery=RecoveryTime(1, 2))):
        found = against(arm, failed)
        assert found.status is Status.FAIL
        assert found.reason.startswith(failed.reason)


def test_a_control_arm_is_read_off_a_drill() -> None:
    arm = ControlArm.of(judged())
    assert arm.landed
    assert arm.undone
    assert arm.recovery == judged().recovery
    assert arm.waited_seconds > 0
    assert ControlArm.of(judged(timeline=Timeline((), (), {}))).waited_seconds == 0


def step(text: str, took: float, documented: float | None = None, problem: str = "") -> Event:
    details: dict[str, Any] = {"took_seconds": took, "problem": problem}
    return Event(EventKind.STEP, 4.0, text, details | ({"documented_seconds": documented} if documented else {}))


def with_steps(line: Timeline, *steps: Event) -> Timeline:
    return replace(line, events=tuple(sorted((*line.events, *steps), key=lambda e: e.at)))


def test_a_step_that_took_longer_than_documented_fails_the_drill() -> None:
    late = with_steps(GOOD.timeline, step("wait_ready api", 130, 120), step("scale api to 3", 1), step("x", 5, 5))
    assert list(late_steps(late)) == ["step wait_ready api took 2.17 min, documented are 2 min"]
    found = judged(timeline=late)
    assert (found.status, found.reason) == (Status.FAIL, "step wait_ready api took 2.17 min, documented are 2 min")


def test_a_procedure_that_claims_success_on_a_sick_system_is_named() -> None:
    sick = with_steps(timeline(bad=(3.1, 60.0)), step("restore database", 3), step("rollout_restart api", 1))
    found = judged(timeline=sick, waited_seconds=5000)
    assert found.status is Status.FAIL
    assert found.reason.endswith(", though step rollout_restart api and 1 before it claimed success")


def test_a_step_that_failed_has_claimed_nothing() -> None:
    assert claims(with_steps(GOOD.timeline, step("restore database", 3, problem="no dump"))) == ""
    assert claims(GOOD.timeline) == ""


GONE = Death()


@pytest.mark.parametrize(
    ("deaths", "grace", "kind"),
    [
        ([Death((137,), ("Error",), 0)], 0, "killed at once, as in a crash (exit code 137)"),
        ([Death((0,), ("Completed",), 0)], 0, "ended in order, with no grace (exit code 0); that is no crash"),
        ([Death((143,), ("Error",), 0)], 0, "ended in order, with no grace (exit code 143); that is no crash"),
        ([GONE], 0, "deleted with no grace; how the processes ended was not seen"),
        ([GONE], 5, "deleted with 5 s of grace; how the processes ended was not seen"),
        ([Death((0,), (), 30)], 30, "ended in order, with 30 s of grace (exit code 0); that is no crash"),
        ([Death((143, 0), (), 30)], 30, "ended in order, with 30 s of grace (exit code 0, 143); that is no crash"),
        ([Death((137,), (), 5)], 5, "killed when its grace of 5 s was over (exit code 137)"),
        ([Death((137,), (), 5)], 0, "killed when its grace of 5 s was over (exit code 137)"),
        ([Death((1,), ("Error",), 5)], 5, "ended with an error, with 5 s of grace (exit code 1); nothing killed it"),
        ([Death((137,), ("OOMKilled",))], 0, "killed because its memory was over its limit (exit code 137)"),
        ([Death((137,), (), 0), GONE, GONE], 0,
         "killed at once, as in a crash (exit code 137); how those of 2 more pods ended was not seen"),
    ],
)  # fmt: skip
def test_the_kind_of_death_is_what_was_seen_and_not_what_was_asked_for(
    deaths: list[Death], grace: int, kind: str
) -> None:
    evidence = {"deaths": {f"pod-{n}": death.document() for n, death in enumerate(deaths)}}
    assert kind_of_death(evidence, grace) == kind


def test_what_killed_no_pod_has_no_kind_of_death() -> None:
    empty: list[dict[str, Any]] = [{}, {"deaths": {}}, {"knocked": {}}]
    for evidence in empty:
        assert kind_of_death(evidence, 0) == ""
