"""What is in a database: rows and their age, an index that serves, the revision of the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.postgres import Postgres
from drillbook.errors import ConfigError
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.asking_sql import session_of
from drillbook.probes.scene import Scene, needed

_TABLE: Final = """
    SELECT c.oid::regclass::text AS name, row_security_active(c.oid) AS filtered,
           has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') AS readable
    FROM pg_class c WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_COLUMN: Final = """
    SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type
    FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND attnum > 0 AND NOT attisdropped
"""
_INDEX: Final = """
    SELECT indisvalid AS valid, indisready AS ready, indislive AS live, indrelid::regclass::text AS "table",
           pg_get_indexdef(indexrelid) AS definition
    FROM pg_index WHERE indexrelid = to_regclass(%s)
"""
_ROWS: Final = "SELECT count(*) AS rows FROM {table}"
_OLDEST: Final = "SELECT extract(epoch FROM min({column}))::float8 AS at, count({column}) AS dated FROM {table}"
_REVISIONS: Final = "SELECT {column}::text AS revision FROM {table} ORDER BY 1"
_ZONES: Final = timedelta(hours=14)
"""The farthest that a zone is from UTC."""


async def index(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """1 where the index is there, is finished, and is defined as the pattern ``definition`` says; 0 otherwise.

    CREATE INDEX CONCURRENTLY that fails leaves an index that is listed, costs on each write, and serves no query.
    """
    asked = needed(component, "database.index")
    session = await session_of(scene, asked)
    name, pattern = parameters["name"], parameters["definition"]
    found = dict(await session.row(_INDEX, name))
    where = f"index {name} in database {asked.database} of PostgreSQL at {session.endpoint}"
    serves = bool(found) and all(found[key] for key in ("valid", "ready", "live"))
    try:
        fits = pattern is None or re.search(pattern, found.get("definition", "")) is not None
    except re.error as error:
        raise ConfigError(
            f"expected a regular expression as parameter definition, found {pattern!r}: {error}"
        ) from None
    told = (
        "it isn't there"
        if not found
        else "it is not valid"
        if not serves
        else ""
        if fits
        else "it is defined otherwise"
    )
    evidence = found | {"definition_wanted": pattern}
    return scene.seen(Dimension.COUNT, f"{where}: {told}" if told else where, int(serves and fits), evidence=evidence)


async def rows(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How many rows a table has, counted. Where row security hides some, there may be any number more."""
    asked = needed(component, "database.rows")
    session = await session_of(scene, asked)
    where = f"table {parameters['table']} in database {asked.database} of PostgreSQL at {session.endpoint}"
    table = await _table(session, parameters["table"])
    if (unreadable := _unreadable(scene, Dimension.COUNT, where, asked, parameters["table"], table)) is not None:
        return unreadable
    count = (await session.row(_ROWS.format(table=table["name"])))["rows"]
    return scene.seen(
        Dimension.COUNT,
        where,
        count,
        high=Decimal("Infinity") if table["filtered"] else None,
        remedy=f"ask as a role that row security doesn't concern, not as {asked.user}" if table["filtered"] else "",
        evidence={"table": table["name"], "row_security": table["filtered"]},
    )


async def oldest_row_age(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How long ago the oldest row of a table was dated in a column; 0 where there is no row.

    A column without a time zone is read as UTC, and could be meant in any other: the bounds say so.
    """
    asked = needed(component, "database.oldest_row_age")
    session = await session_of(scene, asked)
    given = parameters["table"]
    where = f"{given}.{parameters['column']} in database {asked.database} of PostgreSQL at {session.endpoint}"
    table = await _table(session, given)
    if (unreadable := _unreadable(scene, Dimension.DURATION, where, asked, given, table)) is not None:
        return unreadable
    column = await session.row(_COLUMN, given, parameters["column"])
    if not column or not column["type"].startswith(("timestamp", "date")):
        what = f"its type is {column['type']}" if column else "there is none"
        problem = f"expected a column of dates, and {what}"
        return scene.unseen(Dimension.DURATION, where, problem, remedy="correct the parameter column")
    oldest = await session.row(_OLDEST.format(column=column["name"], table=table["name"]))
    evidence = {"type": column["type"], "rows_with_a_date": oldest["dated"], "row_security": table["filtered"]}
    if oldest["at"] is None:
        age, doubt = 0.0, 0.0
    else:
        age = scene.clock.now().timestamp() - oldest["at"]
        doubt = 0.0 if "with time zone" in column["type"] else _ZONES.total_seconds()
    high = Decimal("Infinity") if table["filtered"] else Decimal(str(round(age + doubt, 3)))
    remedy = f"ask as a role that row security doesn't concern, not as {asked.user}" if table["filtered"] else ""
    if doubt and not remedy:
        remedy = "make the column a timestamp with time zone"
    return scene.seen(
        Dimension.DURATION,
        where,
        round(age, 3),
        low=round(age - doubt, 3),
        high=high,
        remedy=remedy,
        evidence=evidence,
    )


async def revision(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The revision that the migrations' own table says the schema has; several heads, sorted and joined by commas."""
    asked = needed(component, "database.revision")
    session = await session_of(scene, asked)
    given = parameters["table"]
    where = f"{given}.{parameters['column']} in database {asked.database} of PostgreSQL at {session.endpoint}"
    table = await _table(session, given)
    if (unreadable := _unreadable(scene, Dimension.TEXT, where, asked, given, table)) is not None:
        return unreadable
    column = await session.row(_COLUMN, given, parameters["column"])
    if not column:
        problem = f"table {given} has no column {parameters['column']}"
        return scene.unseen(Dimension.TEXT, where, problem, remedy="correct the parameter column")
    found = await session.rows(_REVISIONS.format(column=column["name"], table=table["name"]))
    heads = [str(row["revision"]) for row in found]
    if not heads:
        return scene.unseen(Dimension.TEXT, where, "no migration is recorded", remedy="run the migrations")
    return scene.told(where, *heads, samples=len(heads), evidence={"heads": heads})


async def _table(session: Postgres, name: str) -> Mapping[str, Any]:
    """The table as the server itself quotes its name, so that no text of a policy becomes part of a query."""
    return await session.row(_TABLE, name)


def _unreadable(
    scene: Scene, dimension: Dimension, where: str, component: Component, name: str, table: Mapping[str, Any]
) -> Observation | None:
    if not table:
        return scene.unseen(dimension, where, f"there is no table {name}", remedy="correct the parameter table")
    if not table["readable"]:
        problem = f"role {component.user} may not read it"
        return scene.unseen(dimension, where, problem, remedy=f"GRANT SELECT ON {table['name']} TO {component.user}")
    return None
