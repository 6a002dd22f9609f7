"""How a PostgreSQL is broken from outside: closed, crowded, filled, kept busy with a slow statement."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.sessions import count_of, sessions
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_CLIENTS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_RESERVED: Final = (
    "SELECT current_setting('superuser_reserved_connections')::int "
    "+ coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0)"
)
_MARGIN: Final = 2
"""Sessions more than it takes: an application's pool may give one back meanwhile."""
_MEGABYTE: Final = 1024 * 1024
_SLOW: Final = "SELECT pg_sleep({seconds}) AS drillbook_proof"
_FILL: Final = "INSERT INTO drillbook_proof_filling SELECT repeat('x', {size}) FROM generate_series(1, {rows})"
_FORGET_SLOW: Final = (
    "SELECT count(pg_stat_statements_reset(0, 0, queryid)) FROM pg_stat_statements "
    "WHERE query LIKE '%pg_sleep%drillbook_proof%'"
)


@asynccontextmanager
async def closed(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The database takes no new connections; the server runs, and those that are open stay open."""
    component = stage.component(objective)
    name = component.database or component.user or "postgres"
    elsewhere = replace(component, database="template1" if name == "postgres" else "postgres")
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        await stage.sql(elsewhere, f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS false")
        implied = stage.asking("database.up") | stage.asking("http.*", "pool.*")
        yield Planted(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", implied)
    finally:
        await stage.sql(elsewhere, f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS true")


@asynccontextmanager
async def crowded(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """So many real connections are held that the count, or the share of what there is, lies beyond the limit."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    state = parameters.get("state")
    maximum = await count_of(stage, component, "SHOW max_connections")
    free = maximum - await count_of(stage, component, _RESERVED)
    whole = {"usable": free, "max": maximum}.get(parameters.get("of", ""), 1)
    wanted = _least_refused(objective, whole, free)
    open_now = await count_of(stage, component, _CLIENTS) if state is None else 0
    held = max(1, min(wanted - open_now + _MARGIN, free - open_now))
    async with sessions(stage, component, held, state):
        where = f"{held} more sessions ({state or 'idle'}) of PostgreSQL in {component.workload}"
        yield Planted(where, stage.asking("database.connections", "database.connections_ratio"))


def _least_refused(objective: Objective, whole: int, most: int) -> int:
    limit = objective.limit
    for count in range(1, most + 1):
        if isinstance(limit, Limit) and not limit.holds_at(round(Decimal(count) / whole, 6)):
            return count
    raise Unplantable(f"{objective.id}: {most} connections, which is all there are, don't break {limit}")


@asynccontextmanager
async def slow_statement(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A statement that takes longer than the limit, called as often as it takes for its mean to count."""
    component, calls = stage.component(objective), int(stage.parameters(objective)["calls"])
    seconds = float(number_beyond(objective, Decimal("0.001"))) * 1.2 + 0.05
    statement = _SLOW.format(seconds=round(seconds, 3))
    timeout = seconds + 30
    try:
        await asyncio.gather(*(stage.sql(component, statement, timeout=timeout) for _ in range(calls)))
        yield Planted(f"{calls} calls of pg_sleep({seconds:.3g}) in {component.workload}")
    finally:
        await stage.sql(component, _FORGET_SLOW)


@asynccontextmanager
async def filled(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A table of random bytes that makes the database larger than the limit."""
    component = stage.component(objective)
    now = await count_of(stage, component, "SELECT pg_database_size(current_database())")
    missing = int(number_beyond(objective)) - now
    if missing <= 0:
        raise Unplantable(f"{objective.id}: {objective.limit} is no ceiling, and a database is only made larger here")
    rows = math.ceil(missing / _MEGABYTE) + 1
    try:
        # Out of line and not compressed, so that a row takes what it holds; unlogged, so that it costs no WAL.
        await stage.sql(component, "CREATE UNLOGGED TABLE drillbook_proof_filling (filling text)")
        await stage.sql(component, "ALTER TABLE drillbook_proof_filling ALTER filling SET STORAGE EXTERNAL")
        await stage.sql(component, _FILL.format(size=_MEGABYTE, rows=rows), timeout=120)
        yield Planted(f"a table of {rows} MiB in database {component.database}", _on_the_volume(stage, component))
    finally:
        await stage.sql(component, "DROP TABLE IF EXISTS drillbook_proof_filling")


def _on_the_volume(stage: Stage, component: Component) -> frozenset[str]:
    return stage.asking("volume.used_ratio", component=component.id)


VIOLATIONS: Final = (
    Violation("database.up", closed),
    Violation("database.connections", crowded),
    Violation("database.connections_ratio", crowded),
    Violation("database.slowest_mean", slow_statement),
    Violation("database.size", filled),
)
