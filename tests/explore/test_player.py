"""A sequence is played in sandboxes only, on a system that is used, and what it breaks is told promise by promise."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.checking import load_system
from drillbook.clients.kube import Kube, path_of
from drillbook.errors import DrillAborted, Refused
from drillbook.explore.moves import Break, Follow, Press, TimeIsUp
from drillbook.explore.player import Player
from drillbook.faults import FAULTS
from drillbook.faults.pod_kill import PodKill
from drillbook.model.environment import EnvironmentClass
from drillbook.policy.given_times import TimeLimit
from tests.conftest import SandboxHandle


def player(solar: SandboxHandle, folder: Path, patience: float = 60.0) -> Player:
    policy, environment, waivers = load_system("solar", "sandbox", solar.name)
    return Player(policy, environment, waivers, folder, patience)


def test_anything_but_a_sandbox_is_refused_before_it_is_looked_at(tmp_path: Path) -> None:
    policy, environment, waivers = load_system("solar", "sandbox", "nowhere")
    staging = replace(environment, environment_class=EnvironmentClass.STAGING)
    with pytest.raises(Refused, match="only sandboxes are explored"):
        Player(policy, staging, waivers, tmp_path, 1.0)


@pytest.mark.slow
def test_what_a_system_withstands_breaks_no_promise(solar: SandboxHandle, tmp_path: Path) -> None:
    with player(solar, tmp_path) as one:
        told = [one.make(move) for move in (Break("pod-kill", "api"), Press(20, 1))]
        assert one.finish() == ()
    assert told[0] == "pod-kill on api: landed"
    assert told[1] == "20 requests per second for 1 s: 0 of 20 answers were bad"


def replicas(solar: SandboxHandle) -> dict[str, int]:
    _, environment, _ = load_system("solar", "sandbox", solar.name)

    async def look() -> dict[str, int]:
        async with Kube.of(environment) as kube:
            found = await kube.list(path_of("deployments", "solar-pv-llm-ai"))
        return {one["metadata"]["name"]: one["spec"]["replicas"] for one in found}

    return asyncio.run(look())


@pytest.mark.slow
def test_what_a_procedure_changed_is_put_back_before_the_next_sequence(solar: SandboxHandle, tmp_path: Path) -> None:
    before = replicas(solar)
    with player(solar, tmp_path) as one:
        told = [one.make(move) for move in (Follow("scale-up"), Break("scale-down", "worker"))]
        meanwhile = replicas(solar)
        broken = one.finish()
    assert told == ["procedure scale-up: followed to its end", "scale-down on worker: landed"]
    assert (meanwhile["backend"], meanwhile["celery-worker"]) == (5, 0)
    assert broken == ()
    assert replicas(solar) == before


@pytest.mark.slow
def test_users_who_wait_longer_than_documented_are_told_with_the_documented_time(
    solar: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = {("pod-kill", "api"): TimeLimit(timedelta(milliseconds=1), "sandbox.yaml:7: ours", ours=True)}
    monkeypatch.setattr("drillbook.explore.player.times_of", lambda policy, environment: limit)
    with player(solar, tmp_path) as one:
        one.make(Break("pod-kill", "api"))
        monkeypatch.setattr(one.watch, "quiet_seconds", lambda since: 0.0)
        broken = one.finish()
    assert "2 s of good answers did not begin within 0.001 s (given here: sandbox.yaml:7: ours) of the undo" in broken


@pytest.mark.slow
def test_a_sequence_ends_with_its_time_also_in_the_middle_of_a_move(solar: SandboxHandle, tmp_path: Path) -> None:
    policy, environment, waivers = load_system("solar", "sandbox", solar.name)
    begun = time.monotonic()
    one = Player(policy, environment, waivers, tmp_path, 60.0, begun + 6)
    with one, pytest.raises(TimeIsUp):
        one.make(Press(1, 600))
    assert time.monotonic() - begun < 10


@pytest.mark.slow
def test_an_undo_that_is_not_finished_is_a_broken_promise(
    solar: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(PodKill):
        async def undo(self, kube: object, put_back: object, seconds: float) -> str:
            raise DrillAborted("3 ready pods are expected, 2 found")

    monkeypatch.setitem(FAULTS, "pod-kill", Careless())
    with player(solar, tmp_path) as one:
        one.make(Break("pod-kill", "api"))
        broken = one.finish()
    assert broken == ("the undo of pod-kill on api is not finished: 3 ready pods are expected, 2 found",)
