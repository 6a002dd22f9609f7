"""Credentials that are right on one side only, a migration that stopped half-way, and a volume that is lost."""

from __future__ import annotations

import time

import psycopg
import pytest

from drillbook.clients.kube import Kube
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import fault_named
from drillbook.faults.places import place_of, shell_or_abort
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through, outside

__all__ = ["system"]

CREDENTIALS, MIGRATION, LOST = "database-credentials", "migration-failing", "volume-lost"


def orders(system: Solar) -> list[tuple[object, ...]]:
    with system.database() as database:
        return database.execute("SELECT id, key, body FROM orders ORDER BY id").fetchall()


def test_the_right_password_is_refused_until_the_undo(system: Solar) -> None:
    def refused() -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            system.database().__enter__()

    def until() -> object:
        with system.database() as database:
            return database.execute("SELECT rolvaliduntil FROM pg_roles WHERE rolname = current_user").fetchone()

    before = until()
    _, landing, told = lived_through(
        system, CREDENTIALS, aimed(system, CREDENTIALS, "database"), meanwhile=outside(refused)
    )
    assert landing.evidence == {"role": "solar_pv_user", "expired": True, "sessions": 0}
    assert told == "role solar_pv_user is as before, put back"
    assert until() == before


def test_a_role_that_is_not_there_is_refused(system: Solar) -> None:
    aim = aimed(system, CREDENTIALS, "database", role="nobody")
    with pytest.raises(Refused, match="has no role nobody"):
        system.on_kube(lambda kube: fault_named(CREDENTIALS).how(kube, aim))


def test_a_migration_stops_half_way_and_is_taken_back(system: Solar) -> None:
    def schema() -> list[tuple[object, ...]]:
        with system.database() as database:
            return database.execute(
                "SELECT table_name::text, column_name::text FROM information_schema.columns "
                "WHERE table_schema = 'public' UNION ALL SELECT 'revision', version_num FROM alembic_version "
                "ORDER BY 1, 2"
            ).fetchall()

    before = schema()

    def half() -> None:
        assert set(schema()) - set(before) == {("orders", "drillbook_half_migrated"), ("revision", "drillbook_half")}

    lived_through(system, MIGRATION, aimed(system, MIGRATION, "database", table="orders"), meanwhile=outside(half))
    assert schema() == before


def test_a_revision_that_somebody_has_repaired_meanwhile_stays(system: Solar) -> None:
    def repaired() -> None:
        with system.database() as database:
            database.execute("UPDATE alembic_version SET version_num = '0001'")
            database.execute("ALTER TABLE orders DROP COLUMN drillbook_half_migrated")

    aim = aimed(system, MIGRATION, "database", table="orders")
    _, _, told = lived_through(system, MIGRATION, aim, meanwhile=outside(repaired))
    assert told == "orders and alembic_version are as before"


@pytest.mark.slow
def test_a_lost_volume_comes_back_with_every_row(system: Solar) -> None:
    with system.database() as database:
        database.execute("INSERT INTO orders (key, body) SELECT 'lost-' || n, 'b' FROM generate_series(1, 20) AS n")
    before = orders(system)

    def empty() -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                with system.database() as database:
                    named = database.execute("SELECT to_regclass('orders')::text").fetchone()
                    query = (
                        "SELECT count(*) FROM orders WHERE key LIKE 'lost-%'" if named == ("orders",) else "SELECT 0"
                    )
                    assert database.execute(query.encode()).fetchone() == (0,)
                    return
            except psycopg.OperationalError:
                # It answers in its pod before its pod is Ready.
                assert time.monotonic() < deadline
                time.sleep(0.2)

    _, landing, told = lived_through(system, LOST, aimed(system, LOST, "database"), meanwhile=outside(empty))
    assert landing.evidence["data"]["before"] != landing.evidence["data"]["now"]
    assert told == "the data of deployment/postgres is in its place, put back"
    assert orders(system) == before


@pytest.mark.slow
def test_a_volume_that_was_set_aside_and_whose_pod_was_never_killed_is_put_back(system: Solar) -> None:
    fault, aim = fault_named(LOST), aimed(system, LOST, "database")
    before = orders(system)

    async def scene(kube: Kube) -> None:
        put_back = await fault.put_back(kube, aim)
        await shell_or_abort(kube, await place_of(kube, aim), 'mv "$PGDATA" "$PGDATA.drillbook-lost"')
        assert (await fault.undo(kube, put_back, 60)).endswith("put back")
        left = await shell_or_abort(kube, await place_of(kube, aim), 'ls "$PGDATA/.."')
        assert left.split() == ["pgdata"]

    system.on_kube(scene)
    assert orders(system) == before


def test_data_without_a_folder_of_its_own_is_refused(system: Solar) -> None:
    for folder, words in (("", "no data folder is named"), ("/nowhere", "no data folder /nowhere")):
        aim = aimed(system, LOST, "cache", folder=folder)
        with pytest.raises(Refused, match=words):
            system.on_kube(lambda kube, aim=aim: fault_named(LOST).how(kube, aim))  # type: ignore[misc]


def test_an_undo_for_a_workload_that_is_gone_says_so(system: Solar) -> None:
    aim = aimed(system, LOST, "database")

    async def scene(kube: Kube) -> None:
        put_back = {**await fault_named(LOST).put_back(kube, aim), "uid": "another"}
        with pytest.raises(DrillAborted, match=f"in namespace {NAMESPACE} is another object than before"):
            await fault_named(LOST).undo(kube, put_back, 5)

    system.on_kube(scene)
