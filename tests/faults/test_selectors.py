"""How actions and probes elsewhere take nothing for success, a crash loop for health, and a time-out for no bound."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from drillbook.clients.kube import ApiRefusal, Kube, path_of
from drillbook.clients.kube_exec import execute
from drillbook.drills.blast_radius import Radius, choose
from drillbook.errors import DrillAborted, Refused, Unreachable
from drillbook.faults import FAULTS, fault_named
from drillbook.faults.fault import Aim, Candidate, Fault, Target
from drillbook.faults.keeping import forget, keep
from drillbook.faults.places import place_of, shell_or_abort
from drillbook.faults.settings import read_settings
from drillbook.faults.workloads import is_ready, read_workload, set_replicas, wait_ready
from drillbook.model.policy import Workload
from tests.drills.conftest import NAMESPACE, Solar, system

__all__ = ["system"]

BACKEND = Workload("deployment", "backend")
GHOST = Target("Pod", NAMESPACE, "backend-ghost", "00000000-0000-0000-0000-000000000000")


def aim(system: Solar, fault: Fault, component: str = "api") -> Aim:
    return Aim(system.policy.components[component], settings=read_settings(fault.name, fault.settings, {}))


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_no_fault_has_landed_where_nothing_was_hit(system: Solar, name: str) -> None:
    """``pod is not available``, asked of a selector that matches nothing, is True elsewhere."""
    fault = fault_named(name)
    of_database = name.startswith("database") or name in {"migration-failing", "secret-rotated"}
    component = "database" if of_database else "cache" if name.startswith("cache") else "api"
    meant = aim(system, fault, component)

    async def look(kube: Kube) -> bool:
        try:
            before = await fault.put_back(kube, meant)
        except Refused:
            before = {}
        return (await fault.landed(kube, meant, [], before)).landed

    assert system.on_kube(look) is False


def test_a_selector_that_matches_nothing_is_a_refusal(system: Solar) -> None:
    radius, component = Radius(frozenset({NAMESPACE}), 9, 100), system.policy.components["api"]
    with pytest.raises(Refused, match="none of the 0"):
        choose([], Aim(component), radius)
    nowhere = [Candidate(GHOST, "is Succeeded, not Running"), Candidate(GHOST, "is already being deleted")]
    with pytest.raises(Refused, match="is eligible"):
        choose(nowhere, Aim(component, pods=0), radius)


def test_one_object_that_is_named_twice_is_one(system: Solar) -> None:
    """Choosing with replacement, two of two are one in half of the draws."""
    radius, component = Radius(frozenset({NAMESPACE}), 9, 100), system.policy.components["api"]
    with pytest.raises(Refused, match="asks for 2"):
        choose([Candidate(GHOST), Candidate(GHOST)], Aim(component, pods=2), radius)


def test_a_pod_that_was_replaced_since_is_not_hit(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        pods = (await read_workload(kube, BACKEND, NAMESPACE)).pods
        stale = replace(GHOST, name=pods[0]["metadata"]["name"])
        fault = fault_named("pod-kill")
        with pytest.raises(ApiRefusal, match="the UID in the precondition"):
            await fault.inject(kube, aim(system, fault), [stale])
        after = (await read_workload(kube, BACKEND, NAMESPACE)).pods
        assert {p["metadata"]["uid"] for p in after} == {p["metadata"]["uid"] for p in pods}

    system.on_kube(scene)


def pod(phase: str, ready: str | None, **meta: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    return {"metadata": {"name": "p", **meta}, "status": {"phase": phase, "conditions": conditions}}


@pytest.mark.parametrize(
    ("one", "ready"),
    [
        pytest.param(pod("Running", "True"), True, id="Ready"),
        pytest.param(pod("Running", "False"), False, id="crash loop: its phase is Running"),
        pytest.param(pod("Running", None), False, id="nothing said"),
        pytest.param(pod("Running", "Unknown"), False, id="unknown: its node is silent"),
        pytest.param(pod("Running", "True", deletionTimestamp="now"), False, id="on its way out"),
        pytest.param({"metadata": {}, "status": {}}, False, id="no status"),
        pytest.param({"metadata": {}}, False, id="no status at all"),
    ],
)
def test_only_a_pod_that_says_ready_is_ready(one: dict[str, Any], ready: bool) -> None:
    assert is_ready(one) is ready


def test_no_pods_at_all_are_not_back(system: Solar) -> None:
    """An empty namespace is healthy elsewhere."""

    async def scene(kube: Kube) -> None:
        flower = Workload("deployment", "flower")
        replicas = (await read_workload(kube, flower, NAMESPACE)).replicas
        await set_replicas(kube, flower, NAMESPACE, 0)
        try:
            await wait_ready(kube, flower, NAMESPACE, 0, 20)
            with pytest.raises(DrillAborted, match=f"expected {replicas} ready pods within 0.3 s, found 0 of 0"):
                await wait_ready(kube, flower, NAMESPACE, replicas, 0.3)
        finally:
            await set_replicas(kube, flower, NAMESPACE, replicas)
            await wait_ready(kube, flower, NAMESPACE, replicas, 30)

    system.on_kube(scene)


def test_a_wait_ends_in_its_time_however_much_happens_meanwhile(system: Solar) -> None:
    """A watch that starts over with each event waits for ever on what flaps."""

    async def scene(kube: Kube) -> float:
        async def flap() -> None:
            path = path_of("deployments", NAMESPACE, "flower")
            for turn in range(1000):
                await kube.patch(path, {"metadata": {"annotations": {"drillbook.dev/flap": str(turn)}}})

        flapping = asyncio.create_task(flap())
        begun = time.monotonic()
        with pytest.raises(DrillAborted, match="is not back"):
            await wait_ready(kube, Workload("deployment", "flower"), NAMESPACE, 7, 1.0)
        took = time.monotonic() - begun
        flapping.cancel()
        await kube.patch(
            path_of("deployments", NAMESPACE, "flower"), {"metadata": {"annotations": {"drillbook.dev/flap": None}}}
        )
        return took

    assert system.on_kube(scene) < 5


def test_a_command_that_runs_nowhere_or_fails_is_no_success(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(kube: Kube) -> None:
        api = system.policy.components["api"]
        place = await place_of(kube, Aim(api))
        with pytest.raises(DrillAborted, match="ended with exit code 3 and said: no disk"):
            await shell_or_abort(kube, place, "echo no disk >&2; exit 3")
        monkeypatch.setattr(Kube, "list", none)
        with pytest.raises(Unreachable, match=r"no pod of .* runs, so nothing can be run in one"):
            await place_of(kube, Aim(api))

    async def none(*_: Any, **__: Any) -> list[Any]:
        return []

    system.on_kube(scene)


def test_what_is_there_already_is_not_taken_for_ours(system: Solar) -> None:
    """A creation that finds its name taken (409) is a success elsewhere, and the fault never begins."""

    async def scene(kube: Kube) -> None:
        await keep(kube, NAMESPACE, "drillbook-kept-test", {"a": 1})
        try:
            with pytest.raises(Refused, match="still holds what an earlier drill broke"):
                await keep(kube, NAMESPACE, "drillbook-kept-test", {"a": 2})
        finally:
            await forget(kube, NAMESPACE, "drillbook-kept-test")

    system.on_kube(scene)


def test_commands_and_reads_at_once_do_not_disturb_each_other(system: Solar) -> None:
    """A shared client is poisoned elsewhere: exec makes WebSockets of everybody's calls meanwhile, and afterwards."""

    async def scene(kube: Kube) -> tuple[int, int]:
        place = await place_of(kube, Aim(system.policy.components["api"]))
        run = ["sh", "-c", "echo here"]
        commands = [execute(kube, place.namespace, place.pod, place.container, run) for _ in range(6)]
        reads = [kube.list(path_of("pods", NAMESPACE)) for _ in range(60)]
        said = await asyncio.gather(*commands)
        pods = await asyncio.gather(*reads)
        return sum(one.stdout == "here\n" for one in said), sum(len(found) > 3 for found in pods)

    assert system.on_kube(scene) == (6, 60)
