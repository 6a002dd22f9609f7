"""How probes ask a PostgreSQL: over the one connection of the run, or with psql inside its pod as runbooks do.

Neither can write: every transaction is read-only and every statement has a time-out, so a role without any grant to
write is enough.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from drillbook.clients.kube import Kube
from drillbook.clients.kube_exec import execute
from drillbook.clients.postgres import Postgres, open_postgres, refusal_of
from drillbook.clients.reach import Endpoint, tcp_endpoint
from drillbook.clients.secrets import read_secret
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.policy import Component
from drillbook.probes.running import Place, place_of
from drillbook.probes.scene import Scene

_STATEMENT_SECONDS: Final = 5
_EXEC_SECONDS: Final = 12.0
_AS_ROW: Final = "SELECT row_to_json(answer) FROM ({query}) AS answer"
_PSQL: Final = (
    'export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:-}}" '
    f'PGCONNECT_TIMEOUT="{_STATEMENT_SECONDS}" '
    f'PGOPTIONS="-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_SECONDS * 1000}"; '
    'exec psql --no-psqlrc --no-password --tuples-only --no-align --quiet --set=ON_ERROR_STOP=1 "$@"'
)
"""The password is the one that the image's own start script was given; it doesn't leave the pod."""


class Asking(Protocol):
    """Something that answers queries."""

    @property
    def place(self) -> str:
        """Whom it asks, for people."""
        ...

    async def row(self, query: str) -> Mapping[str, Any]:
        """The first row of a query without values, by column name."""
        ...


type Ask = Callable[[Scene, Component], Awaitable[Asking]]
"""Opens a way to ask. Raises SlotsExhausted, TurnedAway, Unreachable or ConfigError."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to the server's port."""

    session: Postgres

    @property
    def place(self) -> str:
        return f"PostgreSQL at {self.session.endpoint}"

    async def row(self, query: str) -> Mapping[str, Any]:
        return await self.session.row(query)


@dataclass(frozen=True, slots=True)
class InPod:
    """psql in a container: a short connection of its own for each query, one after another."""

    kube: Kube
    where: Place
    options: tuple[str, ...]
    turn: asyncio.Lock

    @property
    def place(self) -> str:
        return f"PostgreSQL in {self.where}"

    async def row(self, query: str) -> Mapping[str, Any]:
        words = ["sh", "-c", _PSQL, "sh", *self.options, "-c", _AS_ROW.format(query=query)]
        async with self.turn:
            answer = await execute(self.kube, *self.where, words, timeout=_EXEC_SECONDS)
        if answer.exit_code == 0:
            found: dict[str, Any] = json.loads(answer.stdout) if answer.stdout.strip() else {}
            return found
        lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
        said = lines[0].rpartition(" failed: ")[2] if lines else f"psql ended with exit code {answer.exit_code}"
        if answer.exit_code == _NO_CONNECTION:
            raise refusal_of(self.place, said)
        if answer.exit_code in {126, 127}:
            raise ConfigError(f"{self.where} has no psql that could be run: {said}")
        raise Unreachable(f"{self.place} refused a query: {said}")


_NO_CONNECTION: Final = 2
"""psql's exit code where the server was not reached or turned it away."""


async def endpoint_of(scene: Scene, component: Component) -> Endpoint:
    """Where the component's PostgreSQL listens. Raises ConfigError where it is none."""
    require_postgres(component)
    return await tcp_endpoint(scene.kube, scene.environment, component)


def require_postgres(component: Component) -> None:
    """Raises ConfigError where the component is no PostgreSQL."""
    if component.engine != "postgres":
        raise ConfigError(f"component {component.id!r} has engine {component.engine!r}; connections need postgres")


async def session_of(scene: Scene, component: Component) -> Postgres:
    """The one connection of this run to a database. Raises SlotsExhausted, TurnedAway or Unreachable."""
    endpoint = await endpoint_of(scene, component)
    reach = scene.environment.components.get(component.id)

    async def enter() -> Postgres:
        password = await read_secret(reach.password, scene.kube) if reach and reach.password else None
        session = open_postgres(
            endpoint,
            user=component.user,
            database=component.database,
            password=password,
            statement_timeout=_STATEMENT_SECONDS,
        )
        return await scene.keep(session)

    key = (endpoint.address, endpoint.port, component.database, component.user, reach.password if reach else None)
    return await scene.once(("postgres", *key), enter)


async def by_connection(scene: Scene, component: Component) -> Asking:
    """Ask over the run's connection."""
    return Connection(await session_of(scene, component))


async def in_pod(scene: Scene, component: Component) -> Asking:
    """Ask with psql in the first pod of the component's workload that runs."""
    require_postgres(component)

    async def find() -> Asking:
        where = await place_of(scene, component)
        user = ("--username", component.user) if component.user else ()
        database = ("--dbname", component.database) if component.database else ()
        return InPod(await scene.kube(), where, (*user, *database), asyncio.Lock())

    return await scene.once(("psql", component.id), find)
