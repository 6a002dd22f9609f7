"""Sessions that somebody else holds: of a PostgreSQL, at rest, at work or in the middle of a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from drillbook.clients.postgres import Postgres, open_database
from drillbook.errors import Unreachable
from drillbook.model.policy import Component
from drillbook.proof.stage import Stage

_AT_A_TIME: Final = 10
"""Connections opened at once: a server forks for each."""
_LONGEST: Final = 900.0
"""Seconds that a statement may last before the server ends it by itself."""
_AT_WORK: Final = "SELECT pg_sleep(900) AS drillbook_proof"
_END: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE query LIKE '%drillbook_proof%' AND pid <> pg_backend_pid()"
)
"""A backend at work doesn't notice that its client has gone."""


@asynccontextmanager
async def sessions(stage: Stage, component: Component, count: int, state: str | None = None) -> AsyncIterator[None]:
    """So many connections to the component's Service, in a state as pg_stat_activity calls it (None: idle).

    Raises Unreachable or SlotsExhausted where the server doesn't give so many.
    """
    async with AsyncExitStack() as opened, _ended(stage, component, state):
        held: list[Postgres] = []
        while len(held) < count:
            more = min(_AT_A_TIME, count - len(held))
            entering = (opened.enter_async_context(session(stage, component)) for _ in range(more))
            # All of them, so that none is left opening when one of them is refused.
            found = await asyncio.gather(*entering, return_exceptions=True)
            for one in found:
                if isinstance(one, BaseException):
                    raise one
                held.append(one)
        if state == "idle in transaction":
            await asyncio.gather(*(one.connection.execute("BEGIN") for one in held))
        working = [asyncio.create_task(one.rows(_AT_WORK)) for one in held if state == "active"]
        try:
            yield
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)


@asynccontextmanager
async def session(stage: Stage, component: Component) -> AsyncIterator[Postgres]:
    """One connection as the component's user, who reads only."""
    async with open_database(
        stage.kube.itself, stage.environment, component, connect_timeout=20.0, statement_timeout=_LONGEST
    ) as one:
        yield one


@asynccontextmanager
async def _ended(stage: Stage, component: Component, state: str | None) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if state == "active":
            await stage.sql(component, _END)


async def count_of(stage: Stage, component: Component, query: str) -> int:
    """The whole number that a query gives. Raises Unreachable where it gives anything else."""
    answer = await stage.sql(component, query)
    if not answer.lstrip("-").isdigit():
        raise Unreachable(f"expected a whole number from {component.workload}, found {answer!r}")
    return int(answer)
