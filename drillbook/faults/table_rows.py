"""Rows of a table as exact texts: read, damaged and put back, each in one transaction.

A row travels as the JSON that the server itself makes of it, as text: parsed, a number could lose its last digits. Rows
are known by the table's primary key.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from drillbook.errors import Refused
from drillbook.faults.sql import Database, literal, quoted

_COLUMNS = """
SELECT a.attname AS name, a.attgenerated <> '' AS generated, format_type(a.atttypid, NULL) AS type,
    coalesce(a.attnum = ANY (i.indkey), false) AS key, pg_get_expr(d.adbin, d.adrelid) AS fallback
FROM pg_attribute AS a LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = {table}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_TEXTS = frozenset({"text", "character varying", "character"})
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})


@dataclass(frozen=True, slots=True)
class Truth:
    """Rows as they were, and the keys of the copies that are to be made of them."""

    table: str
    """Quoted, with its schema where one is needed."""
    columns: tuple[str, ...]
    """Those that can be written."""
    key: tuple[str, ...]
    rows: tuple[str, ...]
    """Each as JSON text."""
    copies: tuple[str, ...] = ()
    """For each row, the same with another key, as JSON text; empty where none are to be made."""

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Truth:
        """From ``document``."""
        lists = {name: tuple(document[name]) for name in ("columns", "key", "rows", "copies")}
        return cls(table=document["table"], **lists)


async def columns_of(database: Database, table: str) -> list[dict[str, Any]]:
    """Name, type, key, generated and default expression of each column. Raises Refused without a primary key."""
    found = await database.rows(_COLUMNS.format(table=literal(table)))
    if not any(column["key"] for column in found):
        raise Refused(f"table {table} has no primary key by which its rows could be put back")
    return found


async def oldest_rows(database: Database, table: str, most: int) -> Truth:
    """The first rows in the order of their key. Raises Refused where there are fewer."""
    columns = await columns_of(database, table)
    key = tuple(column["name"] for column in columns if column["key"])
    order = ", ".join(f"t.{quoted(name)}" for name in key)
    text = f"SELECT row_to_json(t)::text AS row FROM {table} AS t ORDER BY {order} LIMIT {int(most)}"
    rows = tuple(row["row"] for row in await database.rows(text))
    if len(rows) < most:
        raise Refused(f"table {table} has {len(rows)} rows, and {most} are to be hit")
    writable = tuple(column["name"] for column in columns if not column["generated"])
    return Truth(table, writable, key, rows)


async def with_copies(database: Database, truth: Truth) -> Truth:
    """The same, and a copy of each row with a key that the table draws itself. Raises Refused where it draws none."""
    columns = {column["name"]: column for column in await columns_of(database, truth.table)}
    for name in truth.key:
        if not columns[name]["fallback"]:
            raise Refused(f"table {truth.table} makes no keys by itself (column {name}), so its rows can't be doubled")
    drawn = ", ".join(f"{columns[name]['fallback']} AS {quoted(name)}" for name in truth.key)
    keys = await database.rows(f"SELECT {drawn} FROM generate_series(1, {len(truth.rows)})")
    rows = ", ".join(map(literal, truth.rows))
    others = ", ".join(literal(json.dumps(key)) for key in keys)
    # Merged by the server, because it loses no digit.
    merged = await database.rows(
        f"SELECT (row::jsonb || key::jsonb)::text AS row FROM unnest(ARRAY[{rows}], ARRAY[{others}]) "
        "WITH ORDINALITY AS pair (row, key, number) ORDER BY number"
    )
    return Truth(truth.table, truth.columns, truth.key, truth.rows, tuple(one["row"] for one in merged))


def damaged(truth: Truth, column: Mapping[str, Any] | None, damage: str) -> str:
    """The transaction that damages exactly these rows, and rolls back when one of them isn't as it was read."""
    t, many = truth.table, len(truth.rows)
    same = f"row_to_json(t)::text = ANY (ARRAY[{', '.join(map(literal, truth.rows))}])"
    if damage == "deleted":
        change = f"DELETE FROM {t} AS t WHERE {same}"
    elif damage == "doubled":
        names = ", ".join(map(quoted, truth.columns))
        change = (
            f"INSERT INTO {t} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {_records(t, truth.copies)} AS c"
        )
    else:
        if column is None:
            raise Refused(f"table {t} has no column of text or numbers beside its key")
        name = quoted(column["name"])
        wrong = f"left('?' || md5(coalesce({name}, '')), greatest(length({name}), 1))"
        if column["type"] not in _TEXTS:
            # One more than NaN, or than infinity, is the same.
            old = f"coalesce({name}, 0)"
            wrong = f"CASE WHEN {old} + 1 <> {old} THEN {old} + 1 ELSE 0 END"
        change = f"UPDATE {t} AS t SET {name} = {wrong} WHERE {same}"
    return _exactly(change, many)


def corruptible(columns: Sequence[Mapping[str, Any]], given: str) -> Mapping[str, Any] | None:
    """The column to corrupt: the one that is named, else the first text that is no key, else the first number."""
    free = [column for column in columns if not column["key"] and not column["generated"]]
    if given:
        return next((column for column in free if column["name"] == given), None)
    for types in (_TEXTS, _NUMBERS):
        for column in free:
            if column["type"] in types:
                return column
    return None


def restored(truth: Truth) -> str:
    """The transaction that takes the copies away and puts every row back as it was; does no harm twice.

    A row with a copy's key that is no copy stays: after a restore from a backup its key may have been given anew.
    """
    t = truth.table
    names = ", ".join(map(quoted, truth.columns))
    keys = ", ".join(map(quoted, truth.key))
    values = ", ".join(f"{quoted(name)} = EXCLUDED.{quoted(name)}" for name in truth.columns if name not in truth.key)
    conflict = f"DO UPDATE SET {values}" if values else "DO NOTHING"
    delete = f"DELETE FROM {t} AS t USING {_records(t, truth.copies)} AS c WHERE to_jsonb(t) = to_jsonb(c);\n"
    return (
        f"BEGIN;\n{delete if truth.copies else ''}"
        f"INSERT INTO {t} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {_records(t, truth.rows)} AS c "
        f"ON CONFLICT ({keys}) {conflict};\nCOMMIT;\n"
    )


async def standing(database: Database, truth: Truth) -> tuple[int, int]:
    """How many of the rows are exactly as they were, and how many copies are there. Read-only."""
    t = truth.table
    found = await database.row(
        f"SELECT (SELECT count(*) FROM {t} AS t WHERE row_to_json(t)::text = "
        f"ANY (ARRAY[{', '.join(map(literal, truth.rows))}])) AS rows, "
        f"(SELECT count(*) FROM {t} AS t, {_records(t, truth.copies)} AS c WHERE to_jsonb(t) = to_jsonb(c)) AS copies"
    )
    return int(found["rows"]), int(found["copies"])


def _records(table: str, rows: Sequence[str]) -> str:
    """Rows from their JSON texts, with the table's own types."""
    return f"json_populate_recordset(NULL::{table}, {literal('[' + ', '.join(rows) + ']')})"


def _exactly(change: str, many: int) -> str:
    """One statement in a transaction that fails unless it touched so many rows."""
    mark = f"$d{secrets.token_hex(8)}$"
    return (
        f"DO {mark}\nDECLARE touched bigint;\nBEGIN\n{change};\nGET DIAGNOSTICS touched = ROW_COUNT;\n"
        f"IF touched <> {many} THEN RAISE EXCEPTION '% rows were touched, expected {many}', touched; END IF;\n"
        f"END {mark};\n"
    )
