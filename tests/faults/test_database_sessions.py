"""Sessions that hold the database: connections used up, idle transactions, locks, slow queries."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from drillbook.clients.kube import Kube
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import processes
from drillbook.faults.places import place_of
from tests.drills.conftest import Solar, system
from tests.faults.life import Life

__all__ = ["system"]


def sessions(system: Solar, fault: str) -> list[Any]:
    """State and query of the fault's sessions, seen over a connection of our own."""
    with system.database() as database:
        found = database.execute(
            "SELECT state, query FROM pg_stat_activity WHERE application_name = %s", (f"drillbook-{fault}",)
        )
        return found.fetchall()


def with_many_connections(system: Solar) -> None:
    """A few may be left: others give theirs back while the flood comes in."""
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(system.database())


def test_a_flood_leaves_nobody_else_a_connection(system: Solar) -> None:
    def nobody_gets_in() -> None:
        with pytest.raises(psycopg.OperationalError, match=r"too many clients|remaining connection slots"):
            with_many_connections(system)

    Life.of(system, "database-connections", "database").lived(nobody_gets_in)
    assert sessions(system, "database-connections") == []


def test_a_flood_can_leave_some(system: Solar) -> None:
    def others_get_in() -> None:
        assert len(sessions(system, "database-connections")) == 7

    seen = Life.of(system, "database-connections", "database", sessions=7).lived(others_get_in)
    assert seen.evidence["sessions"] == 7


def test_a_flood_for_which_there_is_no_room_is_refused(system: Solar) -> None:
    life = Life.of(system, "database-connections", "database", leave=4000)
    with pytest.raises(Refused, match="there is no room for a flood"):
        system.on_kube(lambda kube: life.fault.how(kube, life.aim))


def test_idle_transactions_hold_their_snapshots(system: Solar) -> None:
    def held() -> None:
        with system.database() as database:
            (count,) = database.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                "AND application_name = 'drillbook-database-idle-in-transaction' AND backend_xmin IS NOT NULL"
            ).fetchone() or (None,)
            assert count == 3

    Life.of(system, "database-idle-in-transaction", "database", sessions=3).lived(held)
    assert sessions(system, "database-idle-in-transaction") == []


def test_a_locked_table_can_be_read_by_nobody_until_it_is_undone(system: Solar) -> None:
    def waits() -> None:
        with system.database() as database:
            database.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                database.execute("SELECT count(*) FROM orders")

    Life.of(system, "database-lock", "database", table="orders").lived(waits)
    with system.database() as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone()


def test_slow_queries_run_until_they_are_ended(system: Solar) -> None:
    def run() -> None:
        found = sessions(system, "database-slow-queries")
        assert [state for state, _ in found] == ["active", "active"]
        assert {query for _, query in found} == {"SELECT pg_sleep(60.0)"}

    Life.of(system, "database-slow-queries", "database", sessions=2, statement_seconds=60).lived(run)
    assert sessions(system, "database-slow-queries") == []


def test_sessions_end_by_themselves_when_nobody_undoes_them(system: Solar) -> None:
    life = Life.of(system, "database-idle-in-transaction", "database", sessions=1, seconds=1)

    async def scene(kube: Kube) -> None:
        targets = await life.targets(kube)
        before = await life.written(kube)
        await life.fault.inject(kube, life.aim, targets)
        place = await place_of(kube, life.aim)
        deadline = asyncio.get_running_loop().time() + 20
        while await asyncio.to_thread(sessions, system, life.fault.name) or await processes.running(
            kube, place, life.fault.name
        ):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.2)
        await life.fault.undo(kube, before, 10)

    system.on_kube(scene)


def test_a_database_that_is_another_one_by_now_is_not_hit(system: Solar) -> None:
    life = Life.of(system, "database-lock", "database", table="orders")

    async def scene(kube: Kube) -> None:
        (target,) = await life.targets(kube)
        with pytest.raises(DrillAborted, match="is another one than was chosen"):
            await life.fault.inject(kube, life.aim, [replace(target, uid="1/2")])

    system.on_kube(scene)
    assert sessions(system, "database-lock") == []
