"""A migration that failed half-way: a part of the schema is changed, and the version table names a revision half done.

The next migration stumbles over both: over the column that is there already, and over a revision that it doesn't know.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.settings import Setting
from drillbook.faults.sql import (
    database_candidates,
    database_in,
    database_of,
    exactly,
    largest_table,
    literal,
    quoted,
    see_psql,
    sql_needs,
    whose,
)

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

COLUMN: Final = "drillbook_half_migrated"


class MigrationFailing(Fault):
    """Leaves what a broken migration leaves."""

    name = "migration-failing"
    about = "A migration has failed half-way."
    settings: ClassVar = {
        "table": Setting("", "the table that it began to change; empty means the one with the most rows"),
        "version_table": Setting("alembic_version", "where the migration tool notes its revision"),
        "version_column": Setting("version_num", "the column that holds it"),
        "revision": Setting("drillbook_half", "the revision that is noted"),
    }

    def needs(self, aim: Aim) -> Needs:
        return sql_needs(aim)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_psql(kube, aim)
        put_back = await self.put_back(kube, aim)
        return f"ALTER TABLE {put_back['table']} and an update of {put_back['version_table']} with psql in {place}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await database_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        database, settings = await database_of(kube, aim), aim.settings
        versions = await largest_table(database, settings["version_table"])
        column = quoted(settings["version_column"])
        rows = await database.rows(f"SELECT {column}::text AS revision FROM {versions}")
        if len(rows) != 1 or rows[0]["revision"] == settings["revision"]:
            told = ", ".join(str(row["revision"]) for row in rows) or "none"
            raise Refused(f"{versions} should hold one revision, and not {settings['revision']}; it holds {told}")
        return {
            **whose(aim),
            "table": await largest_table(database, settings["table"]),
            "version_table": versions,
            "version_column": settings["version_column"],
            "half": settings["revision"],
            "revision": rows[0]["revision"],
        }

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        database, settings = await database_of(kube, aim), aim.settings
        table = await largest_table(database, settings["table"])
        versions, column = await largest_table(database, settings["version_table"]), settings["version_column"]
        for target in targets:
            await exactly(database, target)
            # A transaction of its own each, as a tool without transactional DDL has it.
            await database.run(
                "SET lock_timeout = '10s';\n"
                f"ALTER TABLE {table} ADD COLUMN {COLUMN} text;\n"
                f"UPDATE {versions} SET {quoted(column)} = {literal(settings['revision'])};\n"
            )
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        database = await database_of(kube, aim)
        found = await database.row(
            f"SELECT {quoted(before['version_column'])}::text AS revision, {_has_column(before['table'])} AS column "
            f"FROM {before['version_table']}"
        )
        return Landing(bool(found["column"]) and found["revision"] == before["half"], found)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        database = await database_in(kube, put_back, seconds)
        table, versions, column = put_back["table"], put_back["version_table"], quoted(put_back["version_column"])
        found = await database.row(
            f"SELECT {_has_column(table)} AS column, (SELECT count(*) FROM {versions} WHERE {column} = "
            f"{literal(put_back['half'])}) AS half"
        )
        if not found["column"] and not found["half"]:
            return f"{table} and {versions} are as before"
        # A version that somebody has moved on in the meantime stays.
        await database.run(
            f"SET lock_timeout = '10s';\nALTER TABLE {table} DROP COLUMN IF EXISTS {COLUMN};\n"
            f"UPDATE {versions} SET {column} = {literal(put_back['revision'])} "
            f"WHERE {column} = {literal(put_back['half'])};\n"
        )
        return f"{table} and {versions} are as before, put back"


def _has_column(table: str) -> str:
    return (
        f"EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass({literal(table)}) "
        f"AND attname = {literal(COLUMN)} AND NOT attisdropped)"
    )
