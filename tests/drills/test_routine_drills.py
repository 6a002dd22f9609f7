"""Drills of routine procedures: nothing is broken, the procedure is judged, and what it changed is put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills import putting_back
from drillbook.drills.control import run_control
from drillbook.drills.recovery import expected_changes
from drillbook.drills.residue import ANY
from drillbook.faults.workloads import read_workload, set_replicas
from drillbook.model.policy import Policy, Procedure, Workload
from drillbook.model.timeline import EventKind
from drillbook.model.verdict import Status
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import read, steps

FLOWER = Workload("deployment", "flower")


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


def test_objects_that_a_procedure_makes_changes_and_takes_away_are_put_back_twice_safely(system: Solar) -> None:
    kept_name, made_name = "drillbook-kept", "drillbook-made"
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    maps = path_of("configmaps", NAMESPACE)
    changes = {("ConfigMap", NAMESPACE, name): (ANY,) for name in (kept_name, made_name)}

    async def change(kube: Kube) -> None:
        await kube.create(maps, body | {"metadata": {"name": kept_name}})
        kept = await putting_back.keep(kube, system.policy, changes)
        await kube.patch(path_of("configmaps", NAMESPACE, kept_name), {"data": {"a": "2", "b": "3"}})
        await kube.create(maps, body | {"metadata": {"name": made_name}})
        for _ in range(2):
            await putting_back.restore(kube, kept, 30)
            assert (await kube.get(path_of("configmaps", NAMESPACE, kept_name)))["data"] == {"a": "1"}
            assert await kube.find(path_of("configmaps", NAMESPACE, made_name)) is None
        await kube.delete(path_of("configmaps", NAMESPACE, kept_name))
        await putting_back.restore(kube, kept, 30)
        assert (await kube.get(path_of("configmaps", NAMESPACE, kept_name)))["data"] == {"a": "1"}

    async def clean(kube: Kube) -> None:
        for name in (kept_name, made_name):
            if await kube.find(path_of("configmaps", NAMESPACE, name)):
                await kube.delete(path_of("configmaps", NAMESPACE, name))

    try:
        system.on_kube(change)
    finally:
        system.on_kube(clean)


def test_replicas_and_templates_are_put_back_and_a_restart_is_not(system: Solar) -> None:
    image = read(system, "deployments", "flower")["spec"]["template"]["spec"]["containers"][0]["image"]
    policy = routine(system, f"{{type: set_image, component: flower, image: '{image}-other'}}",
                     "{type: scale, component: flower, replicas: 2}")  # fmt: skip
    restart = routine(system, "{type: rollout_restart, component: flower}")

    async def change(kube: Kube) -> None:
        kept = await putting_back.keep(kube, policy, expected_changes(policy, policy.procedures["routine"]))
        assert [one["what"] for one in kept] == ["template"]
        await set_replicas(kube, FLOWER, NAMESPACE, 2)
        await putting_back.restore(kube, kept, 60)
        assert await putting_back.keep(kube, restart, expected_changes(restart, restart.procedures["routine"])) == ()

    system.on_kube(change)
    assert replicas(system, "flower") == 1


def test_the_permissions_to_put_back_are_asked_for_before_anything_is_touched(system: Solar) -> None:
    policy = routine(system, "{type: set_image, component: flower, image: 'other:v1'}")
    wanted = putting_back.needs(policy, expected_changes(policy, policy.procedures["routine"]))
    assert {"get replicasets", "patch deployments"} <= {f"{one.verb} {one.resource}" for one in wanted}
