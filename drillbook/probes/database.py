"""How many connections a PostgreSQL server has given away, and how many it has to give."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

from drillbook.clients.kube import ApiRefusal, Object
from drillbook.clients.kube_exec import execute
from drillbook.clients.postgres import Postgres, SlotsExhausted, open_postgres
from drillbook.clients.reach import Endpoint, tcp_endpoint
from drillbook.clients.secrets import read_secret
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import lasting_containers, pods

_OVER_SECONDS: Final = 1.0
"""The samples are spread over this time: one look misses a burst."""
_COUNT: Final = """
    SELECT count(*) FILTER (WHERE backend_type = 'client backend')::int AS clients,
           count(*) FILTER (WHERE backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL)::int AS hidden,
           count(*) FILTER (WHERE state = 'idle in transaction')::int AS idle_in_transaction,
           (SELECT sum(numbackends)::int FROM pg_stat_database) AS backends_in_databases
    FROM pg_stat_activity
"""
"""Client backends only: unfiltered, the server's own processes count too.

Rows of other roles' sessions hide everything but database and user from a role without pg_monitor; those could be
clients, or workers of a client's parallel query, so they widen the interval upwards.
"""
_SETTINGS: Final = """
    SELECT current_setting('max_connections')::int AS max_connections,
           current_setting('superuser_reserved_connections')::int AS superuser_reserved_connections,
           coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS reserved_connections,
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
"""


async def connections(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The most client connections among so many samples over about a second, the probe's own among them.

    A server that turns the probe away because it has no slot left has given away all of them: that is what is observed.
    """
    asked = needed(component, "database.connections")
    endpoint = await _endpoint(scene, asked)
    where = f"pg_stat_activity of PostgreSQL at {endpoint}"
    try:
        seen = await scene.once(
            ("connections", asked.id, parameters["samples"]),
            lambda: _count(scene, asked, endpoint, parameters["samples"]),
        )
    except SlotsExhausted as refusal:
        return await _exhausted(scene, asked, where, refusal)
    clients = [row["clients"] for row in seen]
    high = [row["clients"] + row["hidden"] for row in seen]
    hidden = max(row["hidden"] for row in seen)
    evidence = {
        "samples": seen,
        "median": sorted(clients)[len(clients) // 2],
        "includes": "the probe's own connection",
        "hidden_sessions": hidden,
    } | await _settings(scene, asked, endpoint)
    return scene.seen(
        Dimension.COUNT,
        where,
        max(high),
        low=max(clients),
        high=max(high),
        samples=len(seen),
        remedy=f"grant pg_monitor to {asked.user}: {hidden} sessions of other roles hide what they are"
        if hidden
        else "",
        evidence=evidence,
    )


async def max_connections(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """The server's setting max_connections."""
    asked = needed(component, "database.max_connections")
    endpoint = await _endpoint(scene, asked)
    where = f"setting max_connections of PostgreSQL at {endpoint}"
    try:
        settings = await _settings(scene, asked, endpoint)
    except SlotsExhausted as refusal:
        known = await _configured_maximum(scene, asked)
        if known is None:
            raise
        value, source = known
        return scene.seen(Dimension.COUNT, where, value, evidence={"refusal": str(refusal), "known_from": source})
    return scene.seen(Dimension.COUNT, where, settings["max_connections"], evidence=settings)


async def _exhausted(scene: Scene, component: Component, where: str, refusal: SlotsExhausted) -> Observation:
    known = await _configured_maximum(scene, component)
    if known is None:
        remedy = f"grant pg_use_reserved_connections to {component.user}, so that the probe gets in"
        problem = f"{refusal}, and how many there are could not be found out either"
        return scene.unseen(Dimension.COUNT, where, problem, remedy=remedy, evidence={"refusal": str(refusal)})
    value, source = known
    evidence = {"refusal": str(refusal), "max_connections": value, "known_from": source}
    return scene.seen(Dimension.COUNT, f"{where}: {refusal}", value, evidence=evidence)


async def _endpoint(scene: Scene, component: Component) -> Endpoint:
    if component.engine != "postgres":
        raise ConfigError(f"component {component.id!r} has engine {component.engine!r}; connections need postgres")
    return await tcp_endpoint(scene.kube, scene.environment, component)


async def _session(scene: Scene, component: Component, endpoint: Endpoint) -> Postgres:
    """The one connection of this run. Raises SlotsExhausted or Unreachable."""
    reach = scene.environment.components.get(component.id)

    async def enter() -> Postgres:
        password = await read_secret(reach.password, scene.kube) if reach and reach.password else None
        session = open_postgres(endpoint, user=component.user, database=component.database, password=password)
        return await scene.keep(session)

    return await scene.once(("postgres", component.id), enter)


async def _settings(scene: Scene, component: Component, endpoint: Endpoint) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        session = await _session(scene, component, endpoint)
        return dict(await session.row(_SETTINGS))

    return await scene.once(("settings", component.id), look)


async def _count(scene: Scene, component: Component, endpoint: Endpoint, samples: int) -> list[dict[str, Any]]:
    session = await _session(scene, component, endpoint)
    rows = []
    for number in range(samples):
        if number:
            await asyncio.sleep(_OVER_SECONDS / samples)
        rows.append(dict(await session.row(_COUNT)))
    return rows


async def _configured_maximum(scene: Scene, component: Component) -> tuple[int, str] | None:
    """max_connections of a server that lets nobody in, and where that is known from: its arguments, else its files.

    Neither takes a connection. None where neither tells.
    """
    if component.workload is None:
        return None
    try:
        running = await pods(scene, component)
        for pod in running:
            if (said := _argument(pod)) is not None:
                return said, f"arguments of pod {pod['metadata']['name']}"
        for pod in running:
            name, container = pod["metadata"]["name"], lasting_containers(pod["spec"])[0]["name"]
            command = ["sh", "-c", 'postgres -C max_connections -D "${PGDATA:-/var/lib/postgresql/data}"']
            kube = await scene.kube()
            answer = await execute(kube, component.namespace, name, container, command, timeout=5.0)
            if answer.exit_code == 0 and answer.stdout.strip().isdigit():
                return int(answer.stdout), f"configuration files in pod {name}"
    except (Unreachable, ApiRefusal):
        return None  # it stays unknown, and the observation says so
    return None


def _argument(pod: Object) -> int | None:
    """``-c max_connections=100`` (or ``--max-connections=100``, or ``-N 100``) in a container's command line."""
    for container in pod["spec"]["containers"]:
        words = " ".join(str(word) for word in [*(container.get("command") or ()), *(container.get("args") or ())])
        found = re.search(r"max[_-]connections\s*=\s*'?([0-9]+)|(?:^|\s)-N\s*([0-9]+)", words)
        if found:
            return int(found[1] or found[2])
    return None
