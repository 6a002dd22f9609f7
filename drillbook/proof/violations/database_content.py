"""How what is in a PostgreSQL is broken: rows lost or left lying, an index gone, a schema of another revision."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective
from drillbook.proof.beyond import number_beyond, text_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_NAME: Final = (
    "SELECT quote_ident(nspname) || '|' || quote_ident(relname) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass({name})"
)
_KEPT: Final = "drillbook_proof_kept"
"""What is named so was the system's own and goes back."""
_QUIETLY: Final = "SET session_replication_role = replica; "
"""Without triggers and foreign keys: what is taken away for a moment has no consequences."""
_DAY: Final = 86400
# Every name in these was quoted by the server itself.
_LOST: Final = "ctid NOT IN (SELECT ctid FROM {table} LIMIT {left})"
_KEEP: Final = "CREATE TABLE {kept} AS SELECT * FROM {table} WHERE {lost}"
_LOSE: Final = "DELETE FROM {table} WHERE {lost}"
_BACK: Final = (
    "INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {kept} ON CONFLICT DO NOTHING; DROP TABLE {kept}"
)
_IS_THERE: Final = "SELECT to_regclass('{name}') IS NOT NULL"
_OLDEST: Final = "SELECT ctid || '|' || {column}::text FROM {table} ORDER BY {column} LIMIT 1"
_AGE: Final = (
    "UPDATE {table} SET {column} = now() - interval '{seconds} seconds' WHERE ctid = '{place}' RETURNING {column}::text"
)
_CHANGE: Final = "UPDATE {table} SET {column} = {to} WHERE {column} = {of}"
_ONE: Final = "SELECT {column} FROM {table} ORDER BY 1 LIMIT 1"


@asynccontextmanager
async def rows_lost(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Fewer rows are left in the table than the floor wants; the others wait in a table beside it."""
    component = stage.component(objective)
    if not _is_floor(objective):
        raise Unplantable(f"{objective.id}: {objective.limit} is no floor, and rows are only taken away here")
    left = int(number_beyond(objective, -1))
    schema, table = await _named(stage, component, str(stage.parameters(objective)["table"]))
    full, kept = f"{schema}.{table}", f"{schema}.{_KEPT}"
    lost = _LOST.format(table=full, left=left)
    try:
        await stage.sql(component, _KEEP.format(kept=kept, table=full, lost=lost))
        await stage.sql(component, _QUIETLY + _LOSE.format(table=full, lost=lost))
        yield Planted(f"table {full} has lost all rows but {left}")
    finally:
        if await stage.sql(component, _IS_THERE.format(name=kept)) == "t":
            await stage.sql(component, _QUIETLY + _BACK.format(table=full, kept=kept))


@asynccontextmanager
async def old_row(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The oldest row of the table is dated before what may be kept."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    schema, table = await _named(stage, component, str(parameters["table"]))
    full, column = f"{schema}.{table}", _quoted(str(parameters["column"]))
    if _is_floor(objective):
        raise Unplantable(f"{objective.id}: {objective.limit} is a floor, and rows are only made older here")
    found = await stage.sql(component, _OLDEST.format(table=full, column=column))
    if not found:
        raise Unplantable(f"{objective.id}: table {full} has no dated row that could be older")
    place, _, before = found.partition("|")
    # Half a day for the time zone that a column without one may mean.
    seconds = number_beyond(objective) + _DAY
    moved = _AGE.format(table=full, column=column, seconds=seconds, place=place)
    after = (await stage.sql(component, moved)).splitlines()[0]
    try:
        yield Planted(f"a row of {full} dated {after}")
    finally:
        back = _CHANGE.format(table=full, column=column, to=_literal(before), of=_literal(after))
        await stage.sql(component, back)


@asynccontextmanager
async def index_gone(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """There is no index of that name: it has another."""
    component = stage.component(objective)
    if isinstance(objective.limit, Limit) and objective.limit.holds_at(Decimal(0)):
        raise Unplantable(f"{objective.id}: {objective.limit} is content without the index, and it is only taken away")
    schema, index = await _named(stage, component, str(stage.parameters(objective)["name"]))
    try:
        await stage.sql(component, f"ALTER INDEX {schema}.{index} RENAME TO {_KEPT}")
        yield Planted(f"index {index} renamed")
    finally:
        if await stage.sql(component, _IS_THERE.format(name=f"{schema}.{_KEPT}")) == "t":
            await stage.sql(component, f"ALTER INDEX {schema}.{_KEPT} RENAME TO {index}")


@asynccontextmanager
async def other_revision(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The migrations' table records another revision."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    schema, table = await _named(stage, component, str(parameters["table"]))
    column, wrong = _quoted(str(parameters["column"])), text_beyond(objective)
    place = {"table": f"{schema}.{table}", "column": column}
    before = await stage.sql(component, _ONE.format(**place))
    try:
        await stage.sql(component, _CHANGE.format(**place, to=_literal(wrong), of=_literal(before)))
        yield Planted(f"{schema}.{table}.{column}: {wrong!r}")
    finally:
        await stage.sql(component, _CHANGE.format(**place, to=_literal(before), of=_literal(wrong)))


@asynccontextmanager
async def never_vacuumed(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The server has no vacuum of the table on record, as after a crash; time itself can't be planted.

    So nothing is claimed, and that is what the check has to say: it may not go on calling it clean.
    """
    component, parameters = stage.component(objective), stage.parameters(objective)
    table = parameters["table"]
    oids = f"to_regclass({_literal(str(table))})::oid" if table else "(SELECT relid FROM pg_stat_user_tables LIMIT 1)"
    name = await stage.sql(component, f"SELECT {oids}::regclass")
    try:
        await stage.sql(component, f"SELECT pg_stat_reset_single_table_counters({oids})")
        await stage.sql(component, f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
        # Without a row on record it would be a table that never held one: what isn't asked about counts them.
        await stage.sql(component, f"{'VACUUM' if parameters['of'] == 'analyze' else 'ANALYZE'} {name}")
        yield Planted(f"no vacuum of {name} is on record", inconclusive_counts=True)
    finally:
        await stage.sql(component, f"ALTER TABLE {name} RESET (autovacuum_enabled)")
        await stage.sql(component, f"VACUUM (ANALYZE) {name}")


async def _named(stage: Stage, component: Component, name: str) -> tuple[str, str]:
    """Schema and name of a table or an index, quoted by the server itself."""
    found = await stage.sql(component, _NAME.format(name=_literal(name)))
    if not found:
        raise Unplantable(f"database {component.database} has no {name} that could be broken")
    schema, _, own = found.partition("|")
    return schema, own


def _is_floor(objective: Objective) -> bool:
    return str(objective.limit).startswith((">", "=="))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


VIOLATIONS: Final = (
    Violation("database.rows", rows_lost),
    Violation("database.oldest_row_age", old_row),
    Violation("database.index", index_gone),
    Violation("database.revision", other_revision),
    Violation("database.vacuum_age", never_vacuumed),
)
