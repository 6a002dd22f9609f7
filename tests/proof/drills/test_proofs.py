"""A drill's proof: only a drill that fails, and of what was planted, is one; everything else says why it is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drillbook.drills.plan import Order
from drillbook.model.drill import DrillResult, Failing, PostCondition, RecoveryTime
from drillbook.model.environment import Environment, EnvironmentClass, GivenTime
from drillbook.model.policy import DrillPlan, Policy, Procedure, Source
from drillbook.model.procedures import Entry
from drillbook.model.proof import ProofStatus
from drillbook.model.verdict import Status
from drillbook.proof.drills.plants import Plant
from drillbook.proof.drills.proving import Ran, given_seconds, named, not_back, planted, proof_of
from tests.judge.test_drill import judged, timeline

SOURCE = Source("runbook.txt", "Restore", (290, 290))
PROCEDURE = Procedure("restore", SOURCE, (), None, (Entry("wait_ready", "api"),))
PLAN = DrillPlan("rows", "noop", "api", "P0", "procedure", "restore", SOURCE)
PLANT = Plant("by hand", "an older dump is loaded", PROCEDURE, frozenset({Failing.DATA}), "table orders")
DATA: dict[str, Any] = {"changed_tables": ("table orders is gone",)}
BLOCKED: dict[str, Any] = {"timeline": timeline(bad=(3.1, 99)), "waited_seconds": 9.0, "limit_seconds": 5.0}
SINGLE = PostCondition("pods_replaced", "pods_replaced api", Status.FAIL, "found api-1 still there", SOURCE)


def proven(broken: Ran, healthy: Ran | None = None, plant: Plant = PLANT) -> tuple[ProofStatus, str]:
    found = proof_of("shop", PLAN, plant, 15.0, healthy or Ran(judged()), broken)
    assert (found.id, found.limit) == ("shop/rows by hand", "in 15 s")
    return found.status, found.reason


def test_a_drill_that_fails_of_what_was_planted_is_proven() -> None:
    status, reason = proven(Ran(judged(**DATA)))
    assert (status, "table orders is gone" in reason) == (ProofStatus.PROVEN, True)


@pytest.mark.parametrize("changes", [{}, {"writes": None}])
def test_a_drill_that_stays_green_or_cannot_tell_has_not_detected_it(changes: dict[str, Any]) -> None:
    status, reason = proven(Ran(judged(**changes)))
    assert status is ProofStatus.UNDETECTED
    assert reason.startswith("planted, and the drill was ")


def test_a_failure_of_something_else_proves_nothing() -> None:
    status, reason = proven(Ran(judged(undone=False)))
    assert status is ProofStatus.UNPROVEN
    assert reason.startswith("it failed of undo, where 'table orders' was planted: ")
    assert proven(Ran(judged(changed_tables=("table tasks is gone",))))[0] is ProofStatus.UNPROVEN


def test_a_failure_of_what_was_planted_is_one_also_where_something_worse_is_wrong() -> None:
    status, reason = proven(Ran(judged(undone=False, **DATA)))
    assert (status, reason) == (ProofStatus.PROVEN, "the data is not what it was: table orders is gone")


def test_a_drill_that_cannot_tell_with_nothing_planted_proves_nothing() -> None:
    assert proven(Ran(judged(**DATA)), healthy=Ran(judged(writes=None)))[0] is ProofStatus.UNPROVEN
    assert proven(Ran(judged(**DATA)), healthy=Ran(None, "refused"))[0] is ProofStatus.UNPROVEN
    assert proven(Ran(None, "not injecting: the lock is held")) == (
        ProofStatus.UNPROVEN,
        "it could not be drilled with the broken recovery: not injecting: the lock is held",
    )


def test_a_drill_that_fails_as_documented_says_so_beside_its_plant() -> None:
    found = proof_of("shop", PLAN, PLANT, 15.0, Ran(judged(undone=False)), Ran(judged(**DATA)))
    assert found.status is ProofStatus.PROVEN
    assert (found.where, found.about) == ("an older dump is loaded", "drill")
    assert found.unplanted.startswith("fail: the undo is not finished")
    assert found.seen == "data changed"


def test_a_sandbox_that_is_not_as_it_was_takes_the_proof_back() -> None:
    found = proof_of("shop", PLAN, PLANT, 15.0, Ran(judged()), Ran(judged(**DATA)))
    assert not_back(found, "it is full").status is ProofStatus.NOT_BACK


def recovered(seconds: float | None, limit: float | None = 3600.0) -> Ran:
    result: DrillResult = judged()
    span = None if seconds is None else RecoveryTime(0.0, seconds)
    return Ran(replace(result, recovery=span, limit_seconds=limit))


@pytest.mark.parametrize(
    ("ran", "given"),
    [(recovered(1.0), 10.0), (recovered(20.0), 45.0), (recovered(None), 10.0), (recovered(20.0, 30.0), 30.0)],
)
def test_the_time_that_is_given_is_one_that_the_drill_was_seen_to_keep(ran: Ran, given: float) -> None:
    assert given_seconds(ran) == given


def test_both_runs_have_names_and_times_of_their_own() -> None:
    given = {"rows": GivenTime(timedelta(minutes=5), "ours", 7)}
    place = Path("environments/sandbox.yaml")
    where = Environment("sandbox", EnvironmentClass.SANDBOX, place, drill_times=given)
    policy = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {}, (), procedures={"restore": PROCEDURE})
    order = Order(policy, where, (), PLAN, Path(), "run")
    first, second = named(order, "as-documented"), planted(order, PLANT, 15.0)
    assert (first.plan.id, first.environment.drill_times["rows-as-documented"]) == ("rows-as-documented", given["rows"])
    assert (second.plan.id, second.plan.procedure) == ("rows-by-hand", "restore-by-hand")
    assert second.environment.drill_times["rows-by-hand"].within == timedelta(seconds=15)
    assert second.policy.procedures["restore-by-hand"].steps[0].within == timedelta(seconds=15)
