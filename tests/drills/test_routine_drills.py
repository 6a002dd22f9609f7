"""Drills of routine procedures: nothing is broken, the procedure is judged, and what it changed is put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drillbook.clients.kube import Kube
from drillbook.drills.control import run_control
from drillbook.faults.workloads import read_workload
from drillbook.model.policy import Policy, Procedure, Workload
from drillbook.model.timeline import EventKind
from drillbook.model.verdict import Status
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import steps


def routine(system: Solar, *texts: str) -> Policy:
    """Solar with a procedure of these steps."""
    like = next(iter(system.policy.procedures.values()))
    made = Procedure("routine", like.source, (), None, steps(system.policy, *texts))
    return replace(system.policy, procedures={**system.policy.procedures, "routine": made})


def replicas(system: Solar, name: str) -> int:
    async def look(kube: Kube) -> int:
        return (await read_workload(kube, Workload("deployment", name), NAMESPACE)).replicas

    return system.on_kube(look)


def test_a_routine_is_timed_to_its_last_step_and_leaves_no_trace(system: Solar) -> None:
    before = replicas(system, "flower")
    system.policy = routine(system, "{type: scale, component: flower, replicas: 2}",
                            "{type: wait_ready, component: flower, within: 2 min}")  # fmt: skip
    found = system.drill(system.order("pod-restarted", experiment="noop", procedure="routine"))
    assert found.status is Status.PASS, found.reason
    assert (found.fault.routine, found.fault.landed, found.writes.lost, found.residue) == (True, True, 0, ())
    last = [event.at for event in found.timeline.events if event.kind is EventKind.STEP][-1]
    begun = found.timeline.first(EventKind.INJECTING)
    assert begun is not None
    assert found.recovery is not None
    assert found.recovery.upper == pytest.approx(last - begun.at, abs=0.5)
    assert replicas(system, "flower") == before
    assert system.left_behind() == []


def test_a_routine_whose_step_fails_fails(system: Solar) -> None:
    system.policy = routine(system, "{type: delete_object, component: api, object: configmap/never-there}")
    found = system.drill(system.order("pod-restarted", experiment="noop", procedure="routine"))
    assert found.status is Status.FAIL
    assert found.reason.startswith("the procedure can't be followed to its end: delete_object api configmap/never-the")


def test_a_routine_has_no_control_arm(system: Solar) -> None:
    assert run_control(system.order("pod-restarted", experiment="noop"), system.said.append) is None


@pytest.mark.slow
def test_what_a_person_would_correct_is_corrected_in_that_person_s_place(system: Solar) -> None:
    system.policy = routine(system, "{type: human, what: find out, corrects: true}",
                            "{type: wait_ready, component: api, within: 1 min}")  # fmt: skip
    found = system.drill(system.order("release-not-there", procedure="routine"))
    assert found.status is Status.PASS, found.reason
    (first, _) = (event for event in found.timeline.events if event.kind is EventKind.STEP)
    assert first.details["claim"].startswith("done in the place of a person: find out: ")
    assert system.left_behind() == []
