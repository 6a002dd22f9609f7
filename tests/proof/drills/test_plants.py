"""Every drill has a way to break its recovery: it is an ordinary procedure, and what it must fail of is known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.drills.recovery import describe, permissions
from drillbook.drills.steps.planted import WAYS
from drillbook.model.drill import Failing
from drillbook.model.policy import Component, DrillPlan, Policy, Procedure, Source, Workload
from drillbook.model.procedures import STEPS, Entry
from drillbook.places import system_dir, systems_with_policy
from drillbook.policy import load_policy
from drillbook.proof.drills.broken import Broken, Way, load_broken
from drillbook.proof.drills.plants import Plant, automatic, hurried, plants_of

SOURCE = Source("runbook.txt", "Playbook", (1, 9))
RESTART = Entry("rollout_restart", "api", {}, (3, 3))
WAIT = Entry("wait_ready", "api", {}, (4, 4), within=timedelta(minutes=10))


def plan(experiment: str = "pod-kill", procedure: str | None = "restart") -> DrillPlan:
    recovery = "procedure" if procedure else "self"
    return DrillPlan("kill", experiment, "api", "P0", recovery, procedure, SOURCE)


def policy(*then: Entry) -> Policy:
    procedure = Procedure("restart", SOURCE, (), None, (RESTART, WAIT), then)
    api = Component("api", "shop", Workload("deployment", "api"))
    components = {"api": api}
    return Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), components, (), procedures={"restart": procedure})


def planted(drill: DrillPlan, *then: Entry, broken: Broken | None = None) -> list[Plant]:
    return list(plants_of(policy(*then), drill, broken))


def test_what_is_claimed_is_every_step_and_none_of_them_does_anything() -> None:
    (plant,) = planted(plan())
    assert [describe(step) for step in plant.procedure.steps] == [
        "claim rollout_restart api",
        "claim wait_ready api",
    ]
    assert [step.lines for step in plant.procedure.steps] == [(3, 3), (4, 4)]
    assert permissions(policy(), plant.procedure) == ()
    assert Failing.CHANGED not in plant.wanted


def test_what_heals_by_itself_is_kept_from_it_after_the_fault() -> None:
    (plant,) = planted(plan(procedure=None))
    assert [describe(step) for step in plant.procedure.steps] == ["scale api to 0"]
    assert plant.wanted == {Failing.NOT_RECOVERED}


def test_a_routine_after_which_nothing_is_different_meddles() -> None:
    (plant,) = planted(plan("noop"))
    assert [describe(step) for step in plant.procedure.steps][2:] == ["meddle api"]
    assert plant.wanted == {Failing.CHANGED}


def test_a_mark_is_left_where_the_procedure_writes_nothing() -> None:
    found = load_policy(system_dir("smartcloudops") / "policy.yaml")
    (drill,) = (one for one in found.drills if one.id == "load-balancer-configured")
    (plant,) = plants_of(found, drill, None)
    # Its manifest has the proxy's whole Deployment.
    assert (drill.component, plant.procedure.steps[-1].component) == ("proxy", "api")


def test_a_routine_that_must_have_done_something_is_only_claimed() -> None:
    (plant,) = planted(plan("noop"), Entry("pods_replaced", "api"))
    assert plant.name == Way.CLAIMS


def test_by_hand_comes_second_and_replaces_only_the_steps_that_it_names() -> None:
    instead = Entry("scale", "api", {"replicas": 0})
    broken = Broken(replace=((1, instead),), planted="nobody is left", because="not recovered")
    first, second = planted(plan(), broken=broken)
    assert (first.name, second.name) == (Way.CLAIMS, "by hand")
    assert second.procedure.steps == (instead, WAIT)
    assert (second.planted, second.because) == ("nobody is left", "not recovered")


def test_the_way_that_a_person_chose_is_taken() -> None:
    (plant,) = planted(plan(), broken=Broken(Way.HEALER))
    assert [step.type for step in plant.procedure.steps] == ["rollout_restart", "wait_ready", "scale"]


def test_nobody_waits_longer_than_the_proof_lasts() -> None:
    steps = hurried(policy().procedures["restart"], 12.0).steps
    assert [step.within for step in steps] == [timedelta(seconds=12)] * 2


def test_the_time_that_a_person_is_given_is_left_out() -> None:
    person = Entry("human", None, {"what": "decide", "corrects": False}, within=timedelta(minutes=30))
    (step,) = hurried(Procedure("decide", SOURCE, (), None, (person,)), 12.0).steps
    assert step.within is None


def test_no_policy_can_write_a_step_that_is_planted() -> None:
    assert not set(WAYS) & set(STEPS)


@pytest.mark.parametrize("name", systems_with_policy())
def test_every_drill_of_every_system_has_a_plant(name: str) -> None:
    found = load_policy(system_dir(name) / "policy.yaml")
    broken = load_broken(found)
    for drill in found.drills:
        plants = list(plants_of(found, drill, broken.get(drill.id)))
        assert plants, drill.id
        assert len({plant.name for plant in plants}) == len(plants)
        procedure = found.procedures[drill.procedure] if drill.procedure else None
        assert automatic(drill, procedure) in Way
