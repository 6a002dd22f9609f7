"""How many connections a PostgreSQL has to give: to all, to applications, to a role, to a database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.kube import ApiRefusal, Object
from drillbook.clients.kube_exec import execute
from drillbook.errors import Unreachable
from drillbook.model.policy import Component
from drillbook.probes.asking_sql import Asking
from drillbook.probes.scene import Scene
from drillbook.probes.workloads import lasting_containers, pods

_SETTINGS: Final = """
    SELECT current_setting('max_connections')::int AS max_connections,
           current_setting('superuser_reserved_connections')::int AS superuser_reserved_connections,
           coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS reserved_connections,
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit
"""
_OWN: Final = """
    SELECT json_agg(own) AS own FROM (
        SELECT 'role ' || rolname AS whose, rolconnlimit AS allowed,
               (SELECT count(*)::int FROM pg_stat_activity WHERE usesysid = r.oid) AS taken
        FROM pg_roles r WHERE rolcanlogin AND NOT rolsuper AND rolconnlimit > 0
        UNION ALL
        SELECT 'database ' || datname, datconnlimit,
               (SELECT count(*)::int FROM pg_stat_activity WHERE datid = d.oid)
        FROM pg_database d WHERE datallowconn AND datconnlimit > 0) AS own
"""
"""Database and role of a session are seen without pg_monitor too."""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """The limit of one role or one database, and how many sessions it has now."""

    whose: str
    limit: int
    taken: int

    @property
    def share(self) -> Decimal:
        return Decimal(self.taken) / self.limit


@dataclass(frozen=True, slots=True)
class Limits:
    """What there is to be had."""

    settings: Mapping[str, Any]
    own: tuple[OwnLimit, ...]

    @property
    def maximum(self) -> int:
        """max_connections."""
        return int(self.settings["max_connections"])

    @property
    def usable(self) -> int:
        """What roles without a privilege can have: the rest is reserved (``reserved_connections`` since 16)."""
        reserved = self.settings["superuser_reserved_connections"] + self.settings["reserved_connections"]
        return max(1, self.maximum - int(reserved))


async def limits_of(scene: Scene, component: Component, asking: Asking) -> Limits:
    """Asked once for each run and way to ask. Raises Unreachable."""

    async def look() -> Limits:
        settings = dict(await asking.row(_SETTINGS))
        own = (await asking.row(_OWN)).get("own") or ()
        return Limits(settings, tuple(OwnLimit(one["whose"], one["allowed"], one["taken"]) for one in own))

    return await scene.once(("limits", component.id, type(asking)), look)


async def configured_maximum(scene: Scene, component: Component) -> tuple[int, str] | None:
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
