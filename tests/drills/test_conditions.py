"""Post-conditions in the course of a drill: each on its own, none can end the drill, and everything is put away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from drillbook.clients.http import HttpClient
from drillbook.clients.kube import Kube
from drillbook.drills.afterwards import AFTERWARDS_WAYS, conditions
from drillbook.drills.afterwards.conditions import Conditions
from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion, until_settled
from drillbook.drills.steps.ground import Ground
from drillbook.errors import DrillAborted
from drillbook.judge.outcome import Outcome, broken, holds
from drillbook.model.drill import PostCondition
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Policy, Procedure, Source
from drillbook.model.procedures import Entry
from drillbook.model.timeline import Timeline
from drillbook.model.verdict import Status

POLICY = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {}, ())
WHERE = Environment("test", EnvironmentClass.SANDBOX, Path("environments/test.yaml"))


async def nothing_differs() -> tuple[str, ...]:
    return ()


async def not_any_more() -> bool:
    return False


def occasion(*then: Entry) -> Occasion:
    procedure = Procedure("restore", Source("runbook.txt", "Restore", (275, 292)), (), None, (), then)
    ground = Ground(cast(Kube, None), POLICY, WHERE)
    line = Timeline((), (), {})
    return Occasion(ground, procedure, "run:", True, cast(HttpClient, None), lambda: 0.0, lambda: line,
                    nothing_differs, not_any_more)  # fmt: skip


def through(monkeypatch: pytest.MonkeyPatch, *ways: AfterWay) -> tuple[PostCondition, ...]:
    """All moments of post-conditions that are seen in these ways, in their order."""
    names = [f"way-{number}" for number in range(len(ways))]
    monkeypatch.setattr(conditions, "AFTERWARDS_WAYS", {**AFTERWARDS_WAYS, **dict(zip(names, ways, strict=True))})

    async def go() -> tuple[PostCondition, ...]:
        seen = Conditions(occasion(*(Entry(name, None) for name in names)))
        await seen.prepare()
        await seen.begin()
        return await seen.look()

    return asyncio.run(go())


async def good(_occasion: Occasion, _entry: Entry, kept: Kept) -> Outcome:
    return holds(f"it is as {kept.get('before', 'nobody said')}")


async def remembers(_occasion: Occasion, _entry: Entry, kept: Kept) -> None:
    kept["before"] = "before"


async def refuses(_occasion: Occasion, _entry: Entry, _kept: Kept) -> None:
    raise DrillAborted("nobody may look")


async def cannot_look(_occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    raise DrillAborted("nobody may look")


async def waits(_occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    await asyncio.sleep(30)
    return holds("too late")


def test_each_remembers_for_itself_and_is_told_in_the_policys_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = through(monkeypatch, AfterWay(good, prepare=remembers), AfterWay(good))
    assert [(one.type, one.status, one.reason) for one in found] == [
        ("way-0", Status.PASS, "it is as before"),
        ("way-1", Status.PASS, "it is as nobody said"),
    ]


@pytest.mark.parametrize("moment", ["prepare", "begin"])
def test_one_that_cannot_be_prepared_is_not_seen_and_the_others_are(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    refusing = AfterWay(good, prepare=refuses) if moment == "prepare" else AfterWay(good, begin=refuses)
    first, second = through(monkeypatch, refusing, AfterWay(good))
    assert first.status is Status.INCONCLUSIVE
    assert first.reason == "what it is compared with can't be seen: nobody may look"
    assert second.status is Status.PASS


def test_a_look_that_fails_or_never_ends_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "LOOK_SECONDS", 0.1)
    failing, endless = through(monkeypatch, AfterWay(cannot_look), AfterWay(waits))
    assert (failing.status, failing.reason) == (Status.INCONCLUSIVE, "it can't be seen: nobody may look")
    assert (endless.status, endless.reason) == (Status.INCONCLUSIVE, "the look was not over within 0.1 s")


def test_everything_is_put_away_whatever_came_of_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    away: list[str] = []

    async def put_away(_occasion: Occasion, entry: Entry, _kept: Kept) -> None:
        away.append(entry.type)

    ways = (AfterWay(good, leave=put_away), AfterWay(good, begin=refuses, leave=put_away),
            AfterWay(cannot_look, leave=put_away))  # fmt: skip
    through(monkeypatch, *ways)
    assert sorted(away) == ["way-0", "way-1", "way-2"]


def test_what_may_need_a_moment_is_looked_at_until_it_holds_or_the_time_is_over() -> None:
    left = [broken("2 pods"), broken("2 pods"), holds("3 pods")]

    async def look() -> Outcome:
        return left.pop(0) if len(left) > 1 else left[0]

    assert asyncio.run(until_settled(look, 5.0)).status is Status.PASS
    left[:] = [broken("2 pods")]
    assert asyncio.run(until_settled(look, 0.0)).sentence == "2 pods"
