"""The PostgreSQL client: read only, bounded, and honest about why it was turned away."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from drillbook.clients.postgres import SlotsExhausted, open_postgres
from drillbook.clients.reach import Endpoint
from drillbook.clients.secrets import Secret
from drillbook.errors import Unreachable
from tests.clients.servers import PostgresServer, closed_port, silent_server


async def ask(
    endpoint: Endpoint, query: str, *, user: str = "app", statement_timeout: float = 5.0
) -> dict[str, object]:
    async with open_postgres(
        endpoint, user=user, database="postgres", password=Secret("hunter2"), statement_timeout=statement_timeout
    ) as session:
        return dict(await session.row(query))


def test_a_row_comes_back_by_column_name(postgres: PostgresServer) -> None:
    assert asyncio.run(ask(postgres.endpoint, "SELECT 1 AS one, 'x' AS letter")) == {"one": 1, "letter": "x"}


def test_nothing_can_be_written_even_by_a_superuser(postgres: PostgresServer) -> None:
    with pytest.raises(Unreachable, match="read-only transaction"):
        asyncio.run(ask(postgres.endpoint, "CREATE TABLE t (x int)", user="admin"))


def test_a_statement_is_cut_off_at_its_time_out(postgres: PostgresServer) -> None:
    begin = time.monotonic()
    with pytest.raises(Unreachable, match="statement timeout"):
        asyncio.run(ask(postgres.endpoint, "SELECT pg_sleep(30)", statement_timeout=0.2))
    assert time.monotonic() - begin < 3


def test_a_server_without_a_free_slot_is_told_apart_from_one_that_is_down(postgres: PostgresServer) -> None:
    async def run() -> None:
        async with AsyncExitStack() as held:
            for _ in range(12):
                session = open_postgres(postgres.endpoint, user="app", database="postgres", password=None)
                await held.enter_async_context(session)

    with pytest.raises(SlotsExhausted, match=r"has no connection left: .*(reserved|too many clients)"):
        asyncio.run(run())


def test_a_closed_port_is_unreachable_with_the_reason() -> None:
    endpoint = Endpoint("127.0.0.1", closed_port(), "127.0.0.1", False, "nobody")
    with pytest.raises(Unreachable, match="can't be used: Connection refused"):
        asyncio.run(ask(endpoint, "SELECT 1"))


def test_an_unknown_role_is_unreachable_with_the_servers_words_and_without_the_password(
    postgres: PostgresServer,
) -> None:
    with pytest.raises(Unreachable, match='role "nobody" does not exist') as caught:
        asyncio.run(ask(postgres.endpoint, "SELECT 1", user="nobody"))
    assert "hunter2" not in str(caught.value)


def test_a_server_that_never_answers_costs_its_time_out() -> None:
    async def run() -> None:
        async with (
            silent_server() as endpoint,
            open_postgres(endpoint, user="app", database="postgres", password=None, connect_timeout=0.3),
        ):
            pass

    with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
        asyncio.run(run())
