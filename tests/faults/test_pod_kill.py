"""Killing pods: exactly those that were chosen, seen to be dead, and put back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drillbook.clients.kube import ApiRefusal, Kube, path_of
from drillbook.errors import ConfigError, DrillAborted
from drillbook.faults import FAULTS, fault_named
from drillbook.faults.fault import Aim, Landing, Target
from drillbook.faults.pod_kill import PodKill
from drillbook.faults.workloads import read_workload, set_replicas, wait_ready, workload_of
from drillbook.judge.death import kind_of_death
from drillbook.model.policy import Component, Workload
from tests.drills.conftest import NAMESPACE, Solar, system

__all__ = ["system"]

FAULT = PodKill()
FRONTEND = Workload("deployment", "frontend")


def aim(system: Solar, name: str = "frontend") -> Aim:
    return Aim(system.policy.components[name])


def test_a_pod_that_is_killed_is_gone_and_another_takes_its_place(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        (first, _) = await FAULT.candidates(kube, aim(system))
        assert first.why_not == ""
        assert (await FAULT.landed(kube, aim(system), [first.target], {})).landed is False
        put_back = await FAULT.put_back(kube, aim(system))
        assert await FAULT.inject(kube, aim(system), [first.target]) == (first.target,)
        seen = await until_landed(kube, aim(system), first.target)
        assert seen.evidence["pods"][first.target.name].startswith(("the pod is gone", "its containers are terminated"))
        said = await FAULT.undo(kube, put_back, 30)
        assert said == "deployment/frontend has its 2 ready replicas"
        assert first.target.uid not in {c.target.uid for c in await FAULT.candidates(kube, aim(system))}

    system.on_kube(scene)


@pytest.mark.parametrize("grace", [0, 5])
def test_how_a_pod_ended_is_what_was_seen_of_it(system: Solar, grace: int) -> None:
    given = replace(aim(system), grace_seconds=grace)

    async def scene(kube: Kube) -> str:
        target = (await FAULT.candidates(kube, given))[0].target
        put_back = await FAULT.put_back(kube, given)
        await FAULT.inject(kube, given, [target])
        seen = await until_landed(kube, given, target)
        await FAULT.undo(kube, put_back, 30)
        return kind_of_death(seen.evidence, grace)

    said = system.on_kube(scene)
    # A pod that is deleted without grace is gone at once, and may be gone before anybody looked in any case.
    unseen = said == f"deleted with {f'{grace} s of' if grace else 'no'} grace; how the processes ended was not seen"
    assert unseen or ("exit code 137" in said) == (grace == 0), said


async def until_landed(kube: Kube, aimed: Aim, target: Target) -> Landing:
    from drillbook.drills.landing import wait_landed

    seen = await wait_landed(kube, FAULT, aimed, [target], {}, 10)
    assert seen.landed
    return seen


def test_a_replacement_of_the_same_name_is_never_hit(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        target = (await FAULT.candidates(kube, aim(system)))[0].target
        with pytest.raises(ApiRefusal) as refused:
            await FAULT.inject(kube, aim(system), [replace(target, uid="00000000-0000-0000-0000-000000000000")])
        assert refused.value.code == 409
        assert (await kube.get(path_of("pods", NAMESPACE, target.name)))["metadata"]["uid"] == target.uid

    system.on_kube(scene)


def test_an_undo_puts_the_replicas_back_and_may_be_called_twice(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        put_back = await FAULT.put_back(kube, aim(system))
        await set_replicas(kube, FRONTEND, NAMESPACE, 1)
        assert await FAULT.undo(kube, put_back, 30) == (
            "deployment/frontend has its 2 ready replicas, put back from 1 replicas"
        )
        assert await FAULT.undo(kube, put_back, 30) == "deployment/frontend has its 2 ready replicas"

    system.on_kube(scene)


def test_an_undo_that_cannot_be_finished_says_what_it_found(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        with pytest.raises(DrillAborted, match=r"expected 9 ready pods within 0.2 s, found 2 of 2"):
            await wait_ready(kube, FRONTEND, NAMESPACE, 9, 0.2)
        put_back = dict(await FAULT.put_back(kube, aim(system))) | {"uid": "another"}
        with pytest.raises(DrillAborted, match="is another object than before the drill"):
            await FAULT.undo(kube, put_back, 1)

    system.on_kube(scene)


def test_a_restart_is_not_over_while_old_pods_are_left(system: Solar) -> None:
    """All old pods are ready right after the restart began: only the roll-out's own state tells."""
    from drillbook.drills.recovery import run_step
    from drillbook.drills.steps.ground import Ground
    from drillbook.model.procedures import Entry

    async def scene(kube: Kube) -> None:
        before = {p["metadata"]["uid"] for p in (await read_workload(kube, FRONTEND, NAMESPACE)).pods}
        ground = Ground(kube, system.policy, system.environment)
        await run_step(ground, Entry("rollout_restart", "frontend"))
        await run_step(ground, Entry("wait_ready", "frontend"))
        after = await read_workload(kube, FRONTEND, NAMESPACE)
        assert after.ready == 2
        assert not before & {p["metadata"]["uid"] for p in after.pods if "deletionTimestamp" not in p["metadata"]}

    system.on_kube(scene)


def test_a_component_without_pods_cannot_be_aimed_at() -> None:
    with pytest.raises(ConfigError, match="component 'queue' has no workload whose pods"):
        workload_of(Component("queue", "shop"))


def test_an_aim_is_never_negative() -> None:
    component = Component("api", "shop")
    wrong: list[dict[str, Any]] = [{"pods": -1}, {"grace_seconds": -1}]
    for arguments in wrong:
        with pytest.raises(ValueError, match="can't be negative"):
            Aim(component, **arguments)


def test_every_fault_is_known_by_its_own_name() -> None:
    assert {name: fault.name for name, fault in FAULTS.items()} == {name: name for name in FAULTS}
    with pytest.raises(ConfigError, match=r"no fault named 'pod-kil'; there are .*pod-kill"):
        fault_named("pod-kil")


def test_the_noop_touches_nothing_and_claims_nothing(system: Solar) -> None:
    noop = fault_named("noop")

    async def scene(kube: Kube) -> None:
        (candidate,) = await noop.candidates(kube, aim(system))
        assert await noop.put_back(kube, aim(system)) == {}
        assert await noop.inject(kube, aim(system), [candidate.target]) == (candidate.target,)
        assert (await noop.landed(kube, aim(system), [candidate.target], {})).landed is False
        assert await noop.undo(kube, {}, 1) == "nothing was changed"
        assert noop.needs(aim(system)).to_break == ()

    system.on_kube(scene)
