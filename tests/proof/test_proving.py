"""A proof is a check that was green, turned red for its own reason alone, and is green again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from drillbook.clients.kube import Kube
from drillbook.model.policy import Objective
from drillbook.model.proof import ProofStatus
from drillbook.model.verdict import Verdict
from drillbook.proof.proving import Prover, shortened, violation_of
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Violation
from tests.judge.records import objective
from tests.proof.worlds import POLICY, SANDBOX, World, ceiling, failing_to, number, without_putting_back

LATENCY, ERRORS, DISK = ceiling("latency"), ceiling("errors"), ceiling("disk")


@pytest.fixture
def world() -> World:
    return World((LATENCY, ERRORS, DISK))


def test_a_check_that_turns_red_alone_and_green_again_is_proven(world: World) -> None:
    proof = world.prove("latency", world.planting(latency=11))
    assert (proof.id, proof.status, proof.where) == ("shop/latency", ProofStatus.PROVEN, "the world")
    assert number(proof) == 11
    assert proof.detected_seconds is not None
    assert proof.back_seconds is not None
    assert (proof.implied, proof.alarms) == ((), ())


def test_everything_is_asked_while_the_violation_is_there_and_only_what_failed_afterwards(world: World) -> None:
    world.prove("latency", world.planting(latency=11))
    assert world.asked == [("latency", "errors", "disk"), ("latency",)]


def test_an_objective_that_nobody_can_violate_is_unproven(world: World) -> None:
    proof = world.prove("latency", None)
    assert (proof.status, world.asked) == (ProofStatus.UNPROVEN, [])
    assert proof.reason == "nothing here violates http.health"


def test_a_violation_that_could_not_be_planted_leaves_the_objective_unproven(world: World) -> None:
    proof = world.prove("latency", failing_to(plant=True))
    assert (proof.status, proof.reason) == (ProofStatus.UNPROVEN, "it could not be violated: the pod is gone")


def test_a_violation_with_a_mistake_in_it_doesnt_end_the_other_proofs(world: World) -> None:
    def broken(_: Stage, __: Objective) -> None:
        raise KeyError("spec")

    proof = world.prove("latency", broken)  # type: ignore[arg-type]
    assert proof.status is ProofStatus.UNPROVEN
    assert "unexpected KeyError" in proof.reason


@pytest.mark.parametrize(("value", "word"), [(10, "pass"), (None, "inconclusive")])
def test_a_check_that_stays_green_or_cant_tell_is_undetected(world: World, value: int | None, word: str) -> None:
    proof = world.prove("latency", world.planting(latency=value))
    assert proof.status is ProofStatus.UNDETECTED
    assert f"the check was still {word}" in proof.reason
    assert proof.detected_seconds is None


def test_inconclusive_detects_what_takes_away_all_that_could_be_seen(world: World) -> None:
    @asynccontextmanager
    async def gone(_: Stage, __: Objective) -> AsyncIterator[Planted]:
        world.values["latency"] = None
        yield Planted("the world", inconclusive_counts=True)
        world.values["latency"] = 1

    assert world.prove("latency", gone).status is ProofStatus.PROVEN


def test_a_violation_that_needs_a_moment_to_show_is_waited_for(world: World) -> None:
    @asynccontextmanager
    async def slow(_: Stage, __: Objective) -> AsyncIterator[Planted]:
        asyncio.get_running_loop().call_later(0.1, world.values.update, {"latency": 11})
        yield Planted("the world")
        world.values["latency"] = 1

    assert world.prove("latency", slow).status is ProofStatus.PROVEN
    # Seen late by itself, so the others are asked once more too.
    assert world.asked == [("latency", "errors", "disk"), ("latency",), ("latency", "errors", "disk"), ("latency",)]


def test_another_objective_that_fails_is_a_false_alarm(world: World) -> None:
    proof = world.prove("latency", world.planting(latency=11, disk=99))
    assert (proof.status, proof.alarms) == (ProofStatus.FALSE_ALARM, ("disk",))
    assert proof.reason == "disk failed too, and has nothing to do with it"


def test_an_alarm_that_a_second_look_doesnt_see_is_none(world: World) -> None:
    class Jittery(World):
        async def check(self, objectives: object) -> object:  # type: ignore[override]
            found = await super().check(cast("tuple[Objective, ...]", objectives))
            self.values["disk"] = 1
            return found

    jittery = Jittery((LATENCY, DISK))
    proof = jittery.prove("latency", jittery.planting(latency=11, disk=99))
    assert proof.status is ProofStatus.PROVEN


def test_what_the_violation_documents_may_fail_too(world: World) -> None:
    @asynccontextmanager
    async def both(_: Stage, __: Objective) -> AsyncIterator[Planted]:
        world.values |= {"latency": 11, "disk": 99}
        yield Planted("the world", frozenset({"disk", "errors"}))
        world.values |= {"latency": 1, "disk": 1}

    proof = world.prove("latency", both)
    assert (proof.status, proof.implied) == (ProofStatus.PROVEN, ("disk",))
    assert world.asked[-1] == ("latency", "disk")


def test_another_limit_on_the_same_observation_may_fail_too() -> None:
    alert = replace(LATENCY, id="alert", limit=ceiling("alert", "<= 8").limit)
    world = World((LATENCY, alert))
    proof = world.prove("latency", world.planting(latency=11, alert=11))
    assert (proof.status, proof.implied) == (ProofStatus.PROVEN, ("alert",))


def test_the_same_indicator_with_other_parameters_may_not() -> None:
    limit = replace(LATENCY, id="limit", parameters={"attempts": 2})
    world = World((LATENCY, limit))
    assert world.prove("latency", world.planting(latency=11, limit=11)).status is ProofStatus.FALSE_ALARM


def test_a_check_that_stays_red_after_the_removal_is_not_back(world: World) -> None:
    proof = world.prove("latency", without_putting_back(world, "latency", 11))
    assert (proof.status, proof.back_seconds) == (ProofStatus.NOT_BACK, None)
    assert "shop/latency was still fail" in proof.reason


def test_what_failed_with_it_has_to_come_back_as_well(world: World) -> None:
    @asynccontextmanager
    async def half(_: Stage, __: Objective) -> AsyncIterator[Planted]:
        world.values |= {"latency": 11, "disk": 99}
        yield Planted("the world", frozenset({"disk"}))
        world.values["latency"] = 1

    proof = world.prove("latency", half)
    assert (proof.status, "shop/disk" in proof.reason) == (ProofStatus.NOT_BACK, True)


def test_a_violation_that_cant_be_removed_is_not_back(world: World) -> None:
    world.values["latency"] = 11
    proof = world.prove("latency", failing_to(plant=False))
    assert (proof.status, proof.reason) == (ProofStatus.NOT_BACK, "it could not be put back: the pod is gone")


def test_an_interrupted_proof_puts_everything_back(world: World) -> None:
    async def interrupted() -> None:
        stage = Stage("shop", POLICY, SANDBOX, world.objectives, cast(Kube, None))
        never = Violation("http.health", world.planting(disk=99), within=60)
        planted, check = asyncio.Event(), world.check

        async def looked(objectives: Sequence[Objective]) -> tuple[Verdict, ...]:
            planted.set()
            return await check(objectives)

        proving = asyncio.create_task(Prover(stage, {"http.health": never}, looked).prove(LATENCY))
        await planted.wait()
        assert world.values["disk"] == 99
        proving.cancel()
        await asyncio.gather(proving, return_exceptions=True)

    asyncio.run(interrupted())
    assert world.values["disk"] == 1


def test_a_source_of_its_own_is_violated_in_its_own_way() -> None:
    usual, inside = (Violation(name, failing_to(plant=True)) for name in ("database.up", "database.up/exec"))
    known = {usual.indicator: usual, inside.indicator: inside}
    asked = replace(objective(), indicator="database.up", via="exec")
    assert violation_of(asked, known) is inside
    assert violation_of(replace(asked, via="sql"), known) is usual


def test_the_others_are_looked_at_for_a_shorter_time() -> None:
    latency = replace(objective(), parameters={"percentile": 95, "requests": 4000})
    assert shortened(latency).parameters == {"percentile": 95, "requests": 100}
    scraped = replace(objective(), indicator="http.throughput")
    assert shortened(scraped).parameters == {"over": "2s"}
    short = replace(objective(), indicator="http.throughput", parameters={"over": "1s"})
    assert shortened(short) is short
