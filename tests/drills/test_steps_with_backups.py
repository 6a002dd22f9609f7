"""Restoring from a dump in a running Solar: what a step claims, and what it destroys only when the dump is whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drills.conftest import Solar
from tests.drills.following import complaint, follow

DUMP = "/backups/database/latest.sql.gz"
RESTORE = f"{{type: restore_backup, component: database, from: backups, path: {DUMP}, within: 60 s, line: 286}}"
INTO_EMPTY = RESTORE.replace("within", "empty_first: true, within")
STOP = (
    "{type: scale, component: api, replicas: 0}",
    "{type: scale, component: worker, replicas: 0}",
    "{type: wait_gone, component: api, within: 60 s}",
    "{type: wait_gone, component: worker, within: 60 s}",
)
START = (
    "{type: scale, component: api, replicas: 3}",
    "{type: scale, component: worker, replicas: 2}",
    "{type: wait_ready, component: api, within: 60 s}",
    "{type: wait_ready, component: worker, within: 60 s}",
)


def in_store(script: str) -> str:
    """A step that does something to the dumps."""
    return f"{{type: exec, component: backups, command: [/bin/sh, -ec, '{script}'], writes: true, within: 60 s}}"


TAKE = in_store(f"pg_dump --file=/backups/.t.sql; gzip --force /backups/.t.sql; mv /backups/.t.sql.gz {DUMP}")


def keys(system: Solar) -> list[str]:
    with system.database() as database:
        return [key for (key,) in database.execute("SELECT key FROM orders WHERE key ^@ 'planted' ORDER BY key")]


@pytest.fixture
def two_orders_in_the_dump(system: Solar) -> Iterator[Solar]:
    """A dump with two orders, of which one was lost since and one was added."""
    with system.database() as database:
        database.execute("INSERT INTO orders (key, body) VALUES ('planted-1', 'a'), ('planted-2', 'b')")
    follow(system, TAKE)
    with system.database() as database:
        database.execute("DELETE FROM orders WHERE key = 'planted-1'")
        database.execute("INSERT INTO orders (key, body) VALUES ('planted-3', 'c')")
    yield system
    with system.database() as database:
        database.execute("DELETE FROM orders WHERE key ^@ 'planted'")
    follow(system, TAKE)


@pytest.mark.slow
def test_a_restore_into_an_empty_schema_brings_back_exactly_what_was_dumped(two_orders_in_the_dump: Solar) -> None:
    system = two_orders_in_the_dump
    try:
        claims = follow(system, *STOP, INTO_EMPTY)
        assert claims[-1] == f"psql loaded {DUMP}"
        assert keys(system) == ["planted-1", "planted-2"]
    finally:
        follow(system, *START)


def test_the_documented_restore_claims_success_and_recovers_nothing(two_orders_in_the_dump: Solar) -> None:
    """psql goes on after each error and ends well: what it claims is no proof."""
    system = two_orders_in_the_dump
    assert follow(system, RESTORE) == [f"psql loaded {DUMP}"]
    assert "planted-3" in keys(system)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (f": > {DUMP}", "expected exit code 0 of looking for"),
        (f"head -c 300 {DUMP} > /backups/.cut; mv /backups/.cut {DUMP}", "expected exit code 0 of unpacking"),
        (
            f"gunzip -c {DUMP} | head -n 20 | gzip > /backups/.cut; mv /backups/.cut {DUMP}",
            "expected a whole dump in /backups/database/latest.sql.gz, found it cut off: nothing was changed",
        ),
    ],
)
def test_a_bad_dump_is_refused_while_the_old_data_is_there(system: Solar, spoil: str, said: str) -> None:
    with system.database() as database:
        database.execute("INSERT INTO orders (key, body) VALUES ('planted-1', 'a')")
    try:
        follow(system, in_store(spoil))
        assert said in complaint(system, INTO_EMPTY)
        assert keys(system) == ["planted-1"]
    finally:
        follow(system, TAKE)
        with system.database() as database:
            database.execute("DELETE FROM orders WHERE key ^@ 'planted'")


def test_no_dump_at_all_is_told(system: Solar) -> None:
    said = complaint(system, RESTORE.replace(DUMP, "/backups/none-*.gz"))
    assert said.startswith("restore_backup database from /backups/none-*.gz (000_ba0f937aa1074294.txt:286): expected")
