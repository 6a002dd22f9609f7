"""PostgreSQL: one connection, read only, every step with a time-out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from drillbook.clients.reach import Endpoint
from drillbook.clients.secrets import Secret
from drillbook.errors import DrillbookError, ExitCode, Unreachable

if TYPE_CHECKING:
    import psycopg

_NO_SLOT_LEFT: Final = (
    "too many clients already",
    "remaining connection slots are reserved",
    "too many connections for role",
    "too many connections for database",
)
"""What the server says when it turns a client away for want of a slot (its ``ereport`` texts, not translated ones).

By text, because psycopg knows no SQLSTATE for a connection that failed.
"""


class SlotsExhausted(DrillbookError):
    """The server is up and has no connection left to give: an observation, not an accident of measuring."""

    exit_code = ExitCode.INCONCLUSIVE


class Postgres:
    """An open session."""

    def __init__(self, connection: psycopg.AsyncConnection[Mapping[str, Any]], endpoint: Endpoint) -> None:
        """Use ``open_postgres``."""
        self.connection = connection
        self.endpoint = endpoint

    async def row(self, query: str) -> Mapping[str, Any]:
        """The one row that a query gives, by column name. Raises Unreachable when the server doesn't give it."""
        import psycopg

        try:
            cursor = await self.connection.execute(query.encode())
            row = await cursor.fetchone()
        except psycopg.Error as error:
            raise Unreachable(f"PostgreSQL at {self.endpoint} refused a query: {_first_line(error)}") from error
        return row or {}


@asynccontextmanager
async def open_postgres(
    endpoint: Endpoint,
    *,
    user: str | None,
    database: str | None,
    password: Secret | None,
    connect_timeout: float = 5.0,
    statement_timeout: float = 5.0,
) -> AsyncIterator[Postgres]:
    """A session in which nothing can be written. Raises SlotsExhausted or Unreachable with the server's own words."""
    import psycopg
    from psycopg.rows import dict_row

    settings = f"-c default_transaction_read_only=on -c statement_timeout={round(statement_timeout * 1000)}"
    try:
        async with asyncio.timeout(connect_timeout):
            connection = await psycopg.AsyncConnection.connect(
                host=endpoint.address,
                port=endpoint.port,
                user=user,
                dbname=database,
                password=password.reveal() if password else None,
                application_name="drillbook",
                options=settings,
                client_encoding="utf-8",
                autocommit=True,
                row_factory=dict_row,
            )
    except TimeoutError as error:
        raise Unreachable(f"PostgreSQL at {endpoint} did not answer within {connect_timeout:g} s") from error
    except psycopg.Error as error:
        said = _first_line(error)
        if any(words in said for words in _NO_SLOT_LEFT):
            raise SlotsExhausted(f"PostgreSQL at {endpoint} has no connection left: {said}") from None
        raise Unreachable(f"PostgreSQL at {endpoint} can't be used: {said}") from None
    try:
        yield Postgres(connection, endpoint)
    finally:
        await connection.close()


def _first_line(error: BaseException) -> str:
    """The server's message; psycopg's prefix ``connection failed: connection to server at ... failed:`` is dropped."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    return said.rpartition(" failed: ")[2]
