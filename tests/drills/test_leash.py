"""The leash: what ends a running drill at once, and what doesn't."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.drills import leash, ledger
from drillbook.drills.leash import Spent, watch_objectives
from drillbook.drills.lock import Lock
from drillbook.errors import DrillAborted, Unreachable
from drillbook.faults.workloads import set_replicas
from drillbook.judge.ledger import Stored
from drillbook.model.policy import Workload
from drillbook.model.timeline import EventKind, Sample
from drillbook.model.verdict import Status, Verdict
from tests.drills.conftest import NAMESPACE, Solar
from tests.judge.records import verdict

UNKNOWN = replace(verdict(None), status=Status.INCONCLUSIVE, reason="no traffic")


def watched(*looks: Verdict, doubt: float, monkeypatch: pytest.MonkeyPatch) -> str:
    """What ends a watch that sees these verdicts, the last for ever; empty when a second ends it."""
    monkeypatch.setattr(leash, "DOUBT_SECONDS", doubt)
    left = list(looks)

    def look() -> tuple[Verdict, ...]:
        return (left.pop(0) if len(left) > 1 else left[0],)

    async def watching() -> str:
        try:
            async with asyncio.timeout(0.6):
                await watch_objectives(look, pause=0.02)
        except DrillAborted as aborted:
            return str(aborted)
        except TimeoutError:
            pass
        return ""

    return asyncio.run(watching())


def test_a_breach_ends_the_drill_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    said = watched(verdict("1"), verdict("1"), verdict("9"), doubt=10, monkeypatch=monkeypatch)
    assert said.startswith(f"aborted: {verdict('9').id} is breached, and it ends every drill: ")


def test_objectives_that_hold_or_are_waived_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waived = replace(verdict("9"), status=Status.WAIVED)
    assert watched(verdict("1"), waived, doubt=0.1, monkeypatch=monkeypatch) == ""


def test_a_doubt_that_stays_ends_the_drill_and_one_that_passes_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nobody could tell whether" in watched(UNKNOWN, doubt=0.2, monkeypatch=monkeypatch)
    assert watched(UNKNOWN, UNKNOWN, verdict("1"), doubt=0.5, monkeypatch=monkeypatch) == ""


def bad(signal: str, count: int, good: int = 0) -> list[Sample]:
    return [Sample(signal, n * 0.05, 0.0, n >= count) for n in range(count + good)]


@pytest.mark.parametrize(
    ("samples", "budget", "spent"),
    [
        ([], 0.0, False),
        (bad("read", 0, good=500), 0.0, False),
        (bad("read", 20), 1.0, False),
        (bad("read", 21), 1.0, True),
        (bad("read", 15) + bad("write", 15), 1.0, False),
        (bad("read", 0, good=90) + bad("write", 21), 1.0, True),
        (bad("ready", 900), 1.0, False),
        (bad("read", 900), None, False),
    ],
)
def test_the_error_budget_is_spent_by_what_users_got(samples: list[Sample], budget: float | None, spent: bool) -> None:
    so_far, intervals = Spent(), {"read": 0.05, "write": 0.05, "ready": 0.1}
    for count in (0, len(samples) // 2, len(samples), len(samples)):
        said = so_far.problem(samples[:count], intervals, budget)
    assert bool(said) is spent


def test_a_breached_abort_objective_ends_a_drill_and_everything_is_put_back(system: Solar) -> None:
    marked = tuple(replace(o, abort=o.id == "replicas-backend") for o in system.policy.objectives)
    system.policy = replace(system.policy, objectives=marked)

    def breach(text: str) -> None:
        if text == "the fault landed":
            system.on_kube(lambda kube: set_replicas(kube, Workload("deployment", "backend"), NAMESPACE, 1))

    found = system.drill(system.order("pod-kill"), breach)
    assert (found.status, found.aborted, found.undone) == (Status.INCONCLUSIVE, True, True), found.reason
    assert found.reason.startswith("aborted: solar/replicas-backend is breached, and it ends every drill")
    (aborted,) = [e for e in found.timeline.events if e.kind is EventKind.ABORTED]
    assert aborted.text == found.reason
    assert system.left_behind() == []


@pytest.mark.slow
def test_nothing_is_written_any_more_while_an_aborted_drill_reads_its_writes_back(
    system: Solar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that is acknowledged between the listing and its comparison would look lost."""
    system.environment = replace(system.environment, outage_budget=timedelta(seconds=0.2))
    listing = ledger.read_back

    async def slowly(*args: Any) -> dict[str, Stored]:
        found = await listing(*args)
        await asyncio.sleep(1.0)
        return found

    monkeypatch.setattr(ledger, "read_back", slowly)
    found = system.drill(system.order("database-kill"))
    assert (found.aborted, found.writes.lost) == (True, 0), found.reason
    assert found.writes.acknowledged > 20


@pytest.mark.slow
def test_a_spent_error_budget_ends_a_drill_and_everything_is_put_back(system: Solar) -> None:
    system.environment = replace(system.environment, outage_budget=timedelta(seconds=0.2))
    found = system.drill(system.order("database-kill"))
    assert (found.status, found.aborted, found.undone) == (Status.INCONCLUSIVE, True, True), found.reason
    assert found.reason.startswith("aborted: the error budget is spent: ")
    (aborted,) = [e for e in found.timeline.events if e.kind is EventKind.ABORTED]
    assert aborted.text == found.reason
    assert system.left_behind() == []


def test_a_cluster_that_cannot_be_reached_any_more_ends_the_drill(
    system: Solar, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(kube: Kube, path: str) -> None:
        raise Unreachable("the cluster does not answer")

    async def hold(kube: Kube) -> None:
        lock = Lock(NAMESPACE, "run/drill", lasts_seconds=1)
        await lock.take(kube)
        monkeypatch.setattr(Kube, "find", gone)
        try:
            async with asyncio.timeout(5):
                await lock.renew_for_ever(kube)
        finally:
            monkeypatch.undo()
            await lock.release(kube)

    with pytest.raises(Unreachable, match="does not answer"):
        system.on_kube(hold)


@pytest.mark.parametrize("loss", ["gone", "taken"])
def test_a_lock_that_is_lost_ends_the_drill(system: Solar, loss: str) -> None:
    async def lose(kube: Kube) -> None:
        path = path_of("leases", NAMESPACE, "drillbook-drill")
        lock = Lock(NAMESPACE, "run/drill", lasts_seconds=1)
        await lock.take(kube)
        await (kube.delete(path) if loss == "gone" else kube.patch(path, {"spec": {"holderIdentity": "another/drill"}}))
        try:
            async with asyncio.timeout(5):
                await lock.renew_for_ever(kube)
        finally:
            if loss == "taken":
                await kube.delete(path)

    with pytest.raises(DrillAborted, match=r"was taken away: (nobody|another/drill) has it now"):
        system.on_kube(lose)
