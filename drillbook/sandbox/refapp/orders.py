"""Orders: written once for each acknowledged request, read back with the number of copies that there are."""

from __future__ import annotations

from typing import Any, Final

from drillbook.sandbox.refapp.database import Database
from drillbook.sandbox.refapp.http import HttpError, Request, Response, answer

LONGEST_KEY: Final = 200
LONGEST_BODY: Final = 64 * 1024
MOST_ITEMS: Final = 1000
LATEST: Final = 20

ONE: Final = "SELECT (array_agg(body ORDER BY id))[1], count(*) FROM orders WHERE key = %s HAVING count(*) > 0"
SOME: Final = (
    "SELECT key, (array_agg(body ORDER BY id))[1], count(*) FROM orders"
    " WHERE key ^@ %s AND key > %s GROUP BY key ORDER BY key LIMIT %s"
)
NEWEST: Final = "SELECT key, body, 1 FROM orders ORDER BY id DESC LIMIT %s"


class Orders:
    """The routes below /orders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, request: Request) -> Response:
        """201 once the row is committed; no answer but 201 says that it is, and none says that it is not."""
        document = request.json_object()
        key, body = text(document, "key", LONGEST_KEY), text(document, "body", LONGEST_BODY, may_be_empty=True)
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("INSERT INTO orders (key, body) VALUES (%s, %s)", (key, body))
        return answer(201, {"key": key, "body": body})

    async def read(self, request: Request) -> Response:
        """One order and how often it is there; 404 when it isn't."""
        key = request.parameters["key"]
        rows = await self._rows(ONE, (clean(key, "key"),))
        if not rows:
            raise HttpError(404, f"there is no order {key!r}")
        return answer(200, {"key": key, "body": rows[0][0], "copies": rows[0][1]})

    async def some(self, request: Request) -> Response:
        """Orders by prefix, in the order of keys, a page at a time; without a prefix the newest ones."""
        query = request.query
        if "prefix" not in query:
            return answer(200, {"items": _items(await self._rows(NEWEST, (LATEST,))), "next": None})
        limit = query.get("limit", "100")
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= MOST_ITEMS:
            raise HttpError(400, f"limit: expected a whole number from 1 to {MOST_ITEMS}, found {limit!r}")
        wanted = int(limit)
        prefix, after = clean(query["prefix"], "prefix"), clean(query.get("after", ""), "after")
        # One more than asked for tells whether there is a next page.
        rows = await self._rows(SOME, (prefix, after, wanted + 1))
        items = _items(rows[:wanted])
        return answer(200, {"items": items, "next": items[-1]["key"] if len(rows) > wanted else None})

    async def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        async with self._database.connection() as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()


def text(document: dict[str, Any], name: str, longest: int, *, may_be_empty: bool = False) -> str:
    """A text of a JSON body; HttpError 400 when it is missing, of another type, empty or too long."""
    value = document.get(name)
    if not isinstance(value, str) or len(value) > longest or not (value or may_be_empty):
        found = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise HttpError(
            400, f"{name}: expected a text of {0 if may_be_empty else 1} to {longest} characters, found {found}"
        )
    return clean(value, name)


def clean(value: str, name: str) -> str:
    """The text, if PostgreSQL can hold it; else HttpError 400."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise HttpError(400, f"{name}: expected a text without NUL characters and lone surrogates")
    return value


def _items(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [{"key": key, "body": body, "copies": copies} for key, body, copies in rows]
