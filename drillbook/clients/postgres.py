"""PostgreSQL: one connection, read only, every step with a time-out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from drillbook.clients.reach import Endpoint, KubeOf, tcp_endpoint
from drillbook.clients.secrets import Secret, read_secret
from drillbook.errors import DrillbookError, ExitCode, Unreachable
from drillbook.model.environment import Environment
from drillbook.model.policy import Component

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


_NOT_SERVING: Final = (
    "is starting up",
    "is shutting down",
    "in recovery mode",
    "not yet accepting connections",
    "is not currently accepting connections",
)
"""What the server says while it, or this database of it, serves nobody, credentials or not (SQLSTATE 57P03, 55000)."""


class NotServing(Unreachable):
    """Nothing answers where the server should listen, or it says that it serves nobody now."""


class TurnedAway(Unreachable):
    """The server answered, and doesn't let this user in: whether it serves others is not known by that."""


class SlotsExhausted(DrillbookError):
    """The server is up and has no connection left to give: an observation, not an accident of measuring."""

    exit_code = ExitCode.INCONCLUSIVE


class Postgres:
    """An open session."""

    def __init__(self, connection: psycopg.AsyncConnection[Mapping[str, Any]], endpoint: Endpoint) -> None:
        """Use ``open_postgres``."""
        self.connection = connection
        self.endpoint = endpoint

    async def row(self, query: str, *values: Any) -> Mapping[str, Any]:
        """The first row that a query gives, by column name, or an empty one. Raises Unreachable without an answer."""
        rows = await self.rows(query, *values)
        return rows[0] if rows else {}

    async def rows(self, query: str, *values: Any) -> list[Mapping[str, Any]]:
        """All rows that a query gives; ``values`` stand for its ``%s`` and are never part of its text.

        Raises Unreachable when the server refuses the query, or doesn't end it in time.
        """
        import psycopg

        try:
            cursor = await self.connection.execute(query.encode(), values or None)
            return await cursor.fetchall()
        except psycopg.Error as error:
            if self.connection.closed:
                raise NotServing(f"PostgreSQL at {self.endpoint} hung up: {_first_line(error)}") from error
            raise Unreachable(f"PostgreSQL at {self.endpoint} refused a query: {_first_line(error)}") from error


@asynccontextmanager
async def open_database(
    kube: KubeOf,
    environment: Environment,
    component: Component,
    *,
    connect_timeout: float = 5.0,
    statement_timeout: float = 5.0,
) -> AsyncIterator[Postgres]:
    """A session with a component's database as its user, in which nothing can be written; times in seconds.

    Raises what open_postgres raises, ConfigError where nobody says how the component is reached.
    """
    endpoint = await tcp_endpoint(kube, environment, component)
    reach = environment.components.get(component.id)
    password = await read_secret(reach.password, kube) if reach and reach.password else None
    async with open_postgres(
        endpoint,
        user=component.user,
        database=component.database,
        password=password,
        connect_timeout=connect_timeout,
        statement_timeout=statement_timeout,
    ) as postgres:
        yield postgres


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
    """A session in which nothing can be written.

    Raises SlotsExhausted, TurnedAway or NotServing with the server's own words.
    """
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
        raise NotServing(f"PostgreSQL at {endpoint} did not answer within {connect_timeout:g} s") from error
    except psycopg.Error as error:
        raise refusal_of(f"PostgreSQL at {endpoint}", _first_line(error)) from None
    try:
        yield Postgres(connection, endpoint)
    finally:
        await connection.close()


def refusal_of(server: str, said: str) -> DrillbookError:
    """Which refusal it is that ``server`` put into these words: SlotsExhausted, TurnedAway, else NotServing."""
    if any(words in said for words in _NO_SLOT_LEFT):
        return SlotsExhausted(f"{server} has no connection left: {said}")
    answered = "FATAL" in said and not any(words in said for words in _NOT_SERVING)
    return (TurnedAway if answered else NotServing)(f"{server} can't be used: {said}")


def _first_line(error: BaseException) -> str:
    """The server's message; psycopg's prefix ``connection failed: connection to server at ... failed:`` is dropped."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    return said.rpartition(" failed: ")[2]
