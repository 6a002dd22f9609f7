"""Drills of a live sandbox, proven: each way to break a recovery is seen, and everything is put back afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.checking import load_system
from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills.steps.planted import MARK
from drillbook.model.environment import Environment
from drillbook.model.policy import Policy
from drillbook.model.proof import Proof, ProofStatus
from drillbook.proof.drills.keeper import Keeper
from drillbook.proof.drills.rehearsal import DrillRehearsal, chosen_drills
from drillbook.proof.stage import Stage
from tests.conftest import SandboxHandle

pytestmark = pytest.mark.slow
FEW = ("replicas-backend", "db-max-connections", "service-endpoints")
NAMESPACE = "solar-pv-llm-ai"
BACKEND = path_of("deployments", NAMESPACE, "backend")


@pytest.fixture
def system(solar: SandboxHandle) -> tuple[Policy, Environment]:
    policy, environment, _ = load_system("solar", "sandbox", solar.name)
    few = tuple(one for one in policy.objectives if one.id in FEW)
    return replace(policy, objectives=few), environment


def backend(environment: Environment) -> Object:
    async def ask() -> Object:
        async with Kube.of(environment) as kube:
            return await kube.get(BACKEND)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("drill", "plants"),
    [
        ("pod-kill", ["healer"]),
        ("pod-restarted", ["claims"]),
        ("database-asked", ["meddles"]),
        ("cache-cleared", ["claims", "by hand"]),
    ],
)
def test_a_drill_fails_of_what_was_planted_and_everything_is_put_back(
    system: tuple[Policy, Environment], tmp_path: Path, drill: str, plants: list[str]
) -> None:
    policy, environment = system
    before, found = backend(environment), list[Proof]()
    rehearsal = DrillRehearsal(
        policy, environment, chosen_drills(policy, [drill]), tmp_path, f"test-{tmp_path.name}", print, found.append
    )
    rehearsal.run()
    assert [one.id for one in found] == [f"solar/{drill} {plant}" for plant in plants]
    for one in found:
        assert one.status is ProofStatus.PROVEN, one.reason
    after = backend(environment)
    assert after["spec"]["replicas"] == before["spec"]["replicas"]
    assert MARK not in (after["metadata"].get("annotations") or {})


def test_a_job_that_was_made_anew_stays_and_one_that_runs_something_else_is_made_again(
    system: tuple[Policy, Environment],
) -> None:
    policy, environment = system
    jobs = path_of("jobs", NAMESPACE)

    def job(words: str) -> Object:
        container = {"name": "one", "image": "busybox:1.37", "command": ["/bin/sh", "-c", words]}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        return {"metadata": {"name": "kept", "namespace": NAMESPACE}, "spec": {"template": template}}

    async def run() -> tuple[tuple[str, ...], tuple[str, ...], Object]:
        async with Kube.of(environment) as kube:
            await kube.create(jobs, job("true"))
            keeper = await Keeper.of(Stage(environment.sandbox or "", policy, environment, policy.objectives, kube))
            await kube.delete(f"{jobs}/kept")
            await kube.create(jobs, job("true"))
            same = await keeper.put_back()
            await kube.delete(f"{jobs}/kept")
            await kube.create(jobs, job("false"))
            other, back = await keeper.put_back(), await kube.get(f"{jobs}/kept")
            await kube.delete(f"{jobs}/kept")
            return same, other, back

    same, other, back = asyncio.run(run())
    assert (same, other) == ((), (f"{jobs}/kept",))
    assert back["spec"]["template"]["spec"]["containers"][0]["command"][-1] == "true"


def test_what_is_changed_gone_or_new_is_put_back(system: tuple[Policy, Environment]) -> None:
    policy, environment = system
    maps = path_of("configmaps", NAMESPACE)

    async def run() -> tuple[tuple[str, ...], tuple[str, ...], Object, Object | None]:
        async with Kube.of(environment) as kube:
            await kube.create(maps, {"metadata": {"name": "keeper-gone", "namespace": NAMESPACE}, "data": {"a": "1"}})
            keeper = await Keeper.of(Stage(environment.sandbox or "", policy, environment, policy.objectives, kube))
            await kube.delete(f"{maps}/keeper-gone")
            await kube.create(maps, {"metadata": {"name": "keeper-new", "namespace": NAMESPACE}, "data": {}})
            await kube.patch(BACKEND, {"metadata": {"annotations": {MARK: "x"}}})
            first, second = await keeper.put_back(), await keeper.put_back()
            back, new = await kube.get(f"{maps}/keeper-gone"), await kube.find(f"{maps}/keeper-new")
            await kube.delete(f"{maps}/keeper-gone")
            return first, second, back, new

    first, second, back, new = asyncio.run(run())
    assert set(first) == {f"{maps}/keeper-gone", f"{maps}/keeper-new", BACKEND}
    assert (second, back["data"], new) == ((), {"a": "1"}, None)
