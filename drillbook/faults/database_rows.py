"""Rows of a table are corrupted, deleted or doubled; what they were is kept, and put back exactly.

The rows themselves are kept in a Secret of the namespace, because they are users' data; the journal and the report
hold their number, their table and a digest.
"""

# Every text that goes into a statement is ours, or quoted.

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.keeping import forget, keep, keep_permissions, kept, kept_name
from drillbook.faults.settings import Setting
from drillbook.faults.sql import (
    Database,
    database_candidates,
    database_in,
    database_of,
    exactly,
    largest_table,
    literal,
    see_psql,
    sql_needs,
    whose,
)
from drillbook.faults.table_rows import (
    Truth,
    columns_of,
    corruptible,
    damaged,
    oldest_rows,
    restored,
    standing,
    with_copies,
)

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube


class DatabaseRows(Fault):
    """Damages the oldest rows of a table."""

    name = "database-rows"
    damages = True
    destroys = True
    about = "Rows of a table are corrupted, deleted or doubled."
    settings: ClassVar = {
        "damage": Setting("corrupted", "what is done to them", choices=("corrupted", "deleted", "doubled")),
        "rows": Setting(10, "how many, the oldest", low=1, high=1000),
        "table": Setting("", "which table; empty means the one with the most rows"),
        "column": Setting("", "which column is corrupted; empty means the first text, else the first number"),
    }

    def needs(self, aim: Aim) -> Needs:
        return sql_needs(aim, *keep_permissions(aim.component.namespace))

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_psql(kube, aim)
        database = await database_of(kube, aim)
        table = await self._table(database, aim)
        rows, damage = aim.settings["rows"], aim.settings["damage"]
        return f"{rows} rows of {table} are {damage} with psql in {place}, what they were is kept in a Secret"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await database_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        target = await (await database_of(kube, aim)).target()
        return {**whose(aim), "kept": kept_name(self.name, target)}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        database = await database_of(kube, aim)
        for target in targets:
            await exactly(database, target)
            table, damage = await self._table(database, aim), aim.settings["damage"]
            truth = await oldest_rows(database, table, int(aim.settings["rows"]))
            if damage == "doubled":
                truth = await with_copies(database, truth)
            column = corruptible(await columns_of(database, table), aim.settings["column"])
            statement = damaged(truth, column, damage)
            await keep(kube, target.namespace, kept_name(self.name, target), truth.document())
            await database.run(statement)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        document = await kept(kube, before["namespace"], before["kept"])
        if document is None:
            return Landing(False, {"rows": "nothing was kept, so nothing was damaged"})
        truth = Truth.of(document)
        as_before, copies = await standing(await database_of(kube, aim), truth)
        evidence = {
            "table": truth.table,
            "rows": len(truth.rows),
            "as before": as_before,
            "copies": copies,
            "sha256 of the rows": hashlib.sha256("\n".join(truth.rows).encode()).hexdigest(),
        }
        doubled = aim.settings["damage"] == "doubled"
        return Landing(copies == len(truth.rows) if doubled else as_before == 0, evidence)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        namespace, name = put_back["namespace"], put_back["kept"]
        document = await kept(kube, namespace, name)
        if document is None:
            return "nothing is kept: no row was damaged, or all are put back"
        truth = Truth.of(document)
        database = await database_in(kube, put_back, seconds)
        damaged_before = await standing(database, truth)
        await database.run(restored(truth))
        as_before, copies = await standing(database, truth)
        if (as_before, copies) != (len(truth.rows), 0):
            raise DrillAborted(
                f"{as_before} of {len(truth.rows)} rows of {truth.table} are as before and {copies} copies are left; "
                f"Secret {namespace}/{name} holds what they were, a person must look"
            )
        await forget(kube, namespace, name)
        done = "" if damaged_before == (as_before, 0) else ", put back"
        return f"{as_before} rows of {truth.table} are as before{done}"

    async def _table(self, database: Database, aim: Aim) -> str:
        """Which one. Raises Refused for one whose rows can't go without others."""
        table = await largest_table(database, aim.settings["table"])
        await columns_of(database, table)
        if aim.settings["damage"] == "deleted":
            referring = f"FROM pg_constraint WHERE confrelid = {literal(table)}::regclass"
            for other in await database.rows(f"SELECT conrelid::regclass::text AS name {referring}"):
                raise Refused(f"rows of {table} can't be deleted alone: rows of {other['name']} refer to them")
        return table
