"""Sessions that hold the database: connections used up, idle transactions, locks, slow queries."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from drillbook.clients.kube import Kube
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import fault_named, processes
from drillbook.faults.places import place_of
from tests.drills.conftest import Solar, system
from tests.faults.live import aimed, lived_through, outside

__all__ = ["system"]

FLOOD, IDLE, LOCK, SLOW = (
    f"database-{name}" for name in ("connections", "idle-in-transaction", "lock", "slow-queries")
)


def sessions(system: Solar, fault: str) -> list[Any]:
    """State, query and whether it holds a snapshot of the fault's sessions, seen over a connection of our own."""
    with system.database() as database:
        found = database.execute(
            "SELECT state, query, backend_xmin IS NOT NULL FROM pg_stat_activity WHERE application_name = %s",
            (f"drillbook-{fault}",),
        )
        return found.fetchall()


@pytest.mark.slow
def test_a_flood_leaves_nobody_else_a_connection(system: Solar) -> None:
    def many() -> None:
        # A few may be left: others give theirs back while the flood comes in.
        with ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(system.database())

    def nobody_gets_in() -> None:
        with pytest.raises(psycopg.OperationalError, match=r"too many clients|remaining connection slots"):
            many()

    lived_through(system, FLOOD, aimed(system, FLOOD, "database"), meanwhile=outside(nobody_gets_in))
    assert sessions(system, FLOOD) == []


def test_a_flood_can_leave_some(system: Solar) -> None:
    def seven() -> None:
        assert len(sessions(system, FLOOD)) == 7

    aim = aimed(system, FLOOD, "database", sessions=7)
    sentence, landing, _ = lived_through(system, FLOOD, aim, meanwhile=outside(seven))
    assert sentence.startswith("7 sessions of psql, started by exec in container postgres of pod postgres-")
    assert landing.evidence["sessions"] == 7
    assert sessions(system, FLOOD) == []


def test_a_flood_for_which_there_is_no_room_is_refused(system: Solar) -> None:
    aim = aimed(system, FLOOD, "database", leave=4000)
    with pytest.raises(Refused, match="there is no room for a flood"):
        system.on_kube(lambda kube: fault_named(FLOOD).how(kube, aim))


def test_idle_transactions_hold_their_snapshots(system: Solar) -> None:
    def held() -> None:
        assert [(state, held) for state, _, held in sessions(system, IDLE)] == 3 * [("idle in transaction", True)]

    lived_through(system, IDLE, aimed(system, IDLE, "database", sessions=3), meanwhile=outside(held))
    assert sessions(system, IDLE) == []


def test_a_locked_table_can_be_read_by_nobody_until_it_is_undone(system: Solar) -> None:
    def waits() -> None:
        with system.database() as database:
            database.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                database.execute("SELECT count(*) FROM orders")

    lived_through(system, LOCK, aimed(system, LOCK, "database", table="orders"), meanwhile=outside(waits))
    with system.database() as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone()


def test_slow_queries_run_until_they_are_ended(system: Solar) -> None:
    def run() -> None:
        assert [(state, query) for state, query, _ in sessions(system, SLOW)] == 2 * [
            ("active", "SELECT pg_sleep(60.0) AS drillbook_slow_query")
        ]

    aim = aimed(system, SLOW, "database", sessions=2, statement_seconds=60)
    _, _, told = lived_through(system, SLOW, aim, meanwhile=outside(run))
    assert told.endswith("2 ended")
    assert sessions(system, SLOW) == []


def test_slow_queries_leave_nothing_in_the_counters_of_statements(system: Solar) -> None:
    def counted() -> int:
        with system.database() as database:
            database.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            query = b"SELECT calls FROM pg_stat_statements WHERE query LIKE 'SELECT pg_sleep(%) AS drillbook%'"
            row = database.execute(query).fetchone()
            return int(row[0]) if row else 0

    def run() -> None:
        deadline = time.monotonic() + 20
        while not counted() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert counted()

    aim = aimed(system, SLOW, "database", sessions=1, statement_seconds=0.5)
    lived_through(system, SLOW, aim, meanwhile=outside(run))
    assert counted() == 0


def test_sessions_end_by_themselves_when_nobody_undoes_them(system: Solar) -> None:
    fault, aim = fault_named(IDLE), aimed(system, IDLE, "database", sessions=1, seconds=1)

    async def scene(kube: Kube) -> None:
        (candidate,) = await fault.candidates(kube, aim)
        put_back = await fault.put_back(kube, aim)
        await fault.inject(kube, aim, [candidate.target])
        place = await place_of(kube, aim)
        deadline = asyncio.get_running_loop().time() + 20
        while await asyncio.to_thread(sessions, system, IDLE) or await processes.running(kube, place, IDLE):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.2)
        await fault.undo(kube, put_back, 10)

    system.on_kube(scene)


def test_a_database_that_is_another_one_by_now_is_not_hit(system: Solar) -> None:
    fault, aim = fault_named(LOCK), aimed(system, LOCK, "database", table="orders")

    async def scene(kube: Kube) -> None:
        (candidate,) = await fault.candidates(kube, aim)
        with pytest.raises(DrillAborted, match="is another one than was chosen"):
            await fault.inject(kube, aim, [replace(candidate.target, uid="1/2")])

    system.on_kube(scene)
    assert sessions(system, LOCK) == []
