"""Rows that are damaged are put back exactly, whatever their types, and whatever happened in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import DrillbookError, Refused
from drillbook.faults import fault_named
from drillbook.faults.keeping import LABEL
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through, outside

__all__ = ["system"]

ROWS = "database-rows"
ODD = """
CREATE TABLE odd (
    a bigserial, b text DEFAULT 'b', n numeric, at timestamptz DEFAULT now(), words text[], said json, raw bytea,
    twice int GENERATED ALWAYS AS (7 * 2) STORED, PRIMARY KEY (a, b)
);
INSERT INTO odd (n, at, words, said, raw) SELECT n / 7.0::numeric(40, 30), 'infinity', ARRAY['a,b', '"x"', NULL],
    '{"b":1,  "a": 1.10}', '\\x00ff' FROM generate_series(1, 12) AS n;
INSERT INTO odd (b, n) VALUES (E'it''s \\\\ a $$ line\\nand another', 'NaN');
CREATE TABLE refers (a bigint, b text, FOREIGN KEY (a, b) REFERENCES odd);
CREATE TABLE keyless (a int);
"""


@pytest.fixture
def odd(system: Solar) -> Iterator[Solar]:
    """Solar with tables that are hard to copy."""
    with system.database() as database:
        database.execute(ODD.encode())
    try:
        yield system
    finally:
        with system.database() as database:
            database.execute("DROP TABLE refers, odd, keyless")


def table(system: Solar) -> list[Any]:
    with system.database() as database:
        return database.execute("SELECT t::text FROM odd AS t ORDER BY 1").fetchall()


@pytest.mark.parametrize("damage", ["corrupted", "doubled"])
def test_every_row_is_as_it_was_after_the_undo(odd: Solar, damage: str) -> None:
    before = table(odd)

    def look() -> None:
        now = table(odd)
        untouched = len(set(now) & set(before))
        assert (len(now), untouched) == ((26, 13) if damage == "doubled" else (13, 0))

    aim = aimed(odd, ROWS, "database", table="odd", rows=13, damage=damage, column="n" if damage == "corrupted" else "")
    _, landing, told = lived_through(odd, ROWS, aim, meanwhile=outside(look))
    assert (landing.evidence["table"], landing.evidence["rows"]) == ("odd", 13)
    assert told == "13 rows of odd are as before, put back"
    assert table(odd) == before


def test_deleted_rows_come_back_and_newer_ones_stay(system: Solar) -> None:
    with system.database() as database:
        database.execute("CREATE TABLE odd (a bigserial PRIMARY KEY, b text)")
        database.execute("INSERT INTO odd (b) SELECT n::text FROM generate_series(1, 5) AS n")
    try:
        before = table(system)

        def newer() -> None:
            assert len(table(system)) == 2
            with system.database() as database:
                database.execute("INSERT INTO odd (b) VALUES ('newer')")

        aim = aimed(system, ROWS, "database", table="odd", rows=3, damage="deleted")
        lived_through(system, ROWS, aim, meanwhile=outside(newer))
        assert table(system) == [*before, ("(6,newer)",)]
    finally:
        with system.database() as database:
            database.execute("DROP TABLE odd")


def test_an_undo_after_a_restore_takes_no_row_that_has_been_given_the_copys_key(odd: Solar) -> None:
    """A backup that is restored sets the keys back; the next write gets one that a copy had."""

    def restored() -> None:
        with odd.database() as database:
            database.execute("DELETE FROM odd WHERE a > 13")
            database.execute("INSERT INTO odd (a, n) VALUES (15, 99)")

    aim = aimed(odd, ROWS, "database", table="odd", rows=3, damage="doubled")
    before = table(odd)
    lived_through(odd, ROWS, aim, meanwhile=outside(restored))
    now = table(odd)
    assert len(now) == len(before) + 1
    assert set(before) < set(now)


def test_an_injection_that_broke_off_after_keeping_is_undone(odd: Solar) -> None:
    fault = fault_named(ROWS)
    # There is no such column to corrupt, which shows only when everything has been read.
    aim = aimed(odd, ROWS, "database", table="odd", rows=3, damage="corrupted", column="at")
    before = table(odd)

    async def scene(kube: Kube) -> None:
        (candidate,) = await fault.candidates(kube, aim)
        put_back = await fault.put_back(kube, aim)
        with pytest.raises(DrillbookError, match="refused"):
            await fault.inject(kube, aim, [candidate.target])
        assert await kube.list(path_of("secrets", NAMESPACE), labels=LABEL)
        assert not (await fault.landed(kube, aim, [candidate.target], put_back)).landed
        with pytest.raises(Refused, match="still holds what an earlier drill broke"):
            await fault.inject(kube, aim, [candidate.target])
        assert await fault.undo(kube, put_back, 30) == "3 rows of odd are as before"
        assert not await kube.list(path_of("secrets", NAMESPACE), labels=LABEL)

    odd.on_kube(scene)
    assert table(odd) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"table": "nowhere"}, "has no table nowhere"),
        ({"table": "keyless"}, "table keyless has no primary key"),
        ({"table": "odd", "damage": "deleted"}, "rows of refers refer to them"),
    ],
)
def test_what_could_not_be_put_back_is_refused_before(odd: Solar, settings: dict[str, Any], words: str) -> None:
    aim = aimed(odd, ROWS, "database", **settings)
    with pytest.raises(Refused, match=words):
        odd.on_kube(lambda kube: fault_named(ROWS).how(kube, aim))


def test_no_row_is_in_what_the_journal_and_the_report_hold(odd: Solar) -> None:
    aim = aimed(odd, ROWS, "database", table="odd", rows=13)
    fault = fault_named(ROWS)
    put_back = odd.on_kube(lambda kube: fault.put_back(kube, aim))
    _, landing, _ = lived_through(odd, ROWS, aim)
    assert "another" not in f"{put_back} {landing.evidence}"
