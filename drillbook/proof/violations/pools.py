"""How pools of connections are broken: run dry by a lock that nobody gives back, and multiplied past the server's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from drillbook.clients.kube import Object, path_of
from drillbook.errors import ConfigError
from drillbook.model.policy import Component, Objective
from drillbook.proof.pods_away import NAME
from drillbook.proof.sessions import session
from drillbook.proof.stage import Stage
from drillbook.proof.traffic import sending
from drillbook.proof.violation import Planted, Unplantable, Violation

_LOCK: Final = "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"
"""The table that the routes of the reference service read."""
_RATE: Final = 60.0
"""Requests in each batch, each of which waits for the lock with a connection of its own in hand, or for one."""
_MANY: Final = 100_000
"""Replicas that no pool is small enough for."""


@asynccontextmanager
async def run_dry(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A transaction holds a lock that every request waits for, so that the pools have nothing left to lend."""
    component = stage.component(objective)
    async with AsyncExitStack() as held:
        for database in _databases(stage):
            one = await held.enter_async_context(session(stage, database))
            await one.connection.execute("BEGIN")
            await one.connection.execute(_LOCK)
        await held.enter_async_context(sending(stage, component, _RATE))
        # Whoever gives up leaves a session behind that goes on waiting, until the server has no more to give.
        crowded = stage.asking("database.up", "database.connections", "database.connections_ratio")
        implied = stage.asking("http.*", "pool.*") | crowded
        yield Planted("table orders is locked by a transaction that goes on", implied)


def _databases(stage: Stage) -> list[Component]:
    found = [one for one in stage.policy.components.values() if one.engine == "postgres"]
    if not found:
        raise ConfigError(f"policy {stage.policy.system} has no component of engine postgres for a pool to lend from")
    return found


@asynccontextmanager
async def too_many_pools(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """An autoscaler may start more replicas than the server has connections for the pools of."""
    component = stage.component(objective)
    if component.workload is None:
        raise Unplantable(f"{objective.id}: component {component.id!r} has no workload that could be scaled")
    collection = path_of("horizontalpodautoscalers", component.namespace)
    target = component.workload
    mine = [one for one in await stage.kube.list(collection) if _scales(one, str(target))]
    implied = stage.asking("database.pool_budget", "autoscaler.max_replicas")
    if mine:
        path = f"{collection}/{mine[0]['metadata']['name']}"
        async with stage.changed(path, {"spec": {"maxReplicas": _MANY}}):
            yield Planted(f"{path.rpartition('/')[2]}: maxReplicas {_MANY}", implied)
        return
    owner = await stage.workload(component)
    body: Object = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME},
        "spec": {
            "scaleTargetRef": {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": target.name},
            "minReplicas": owner["spec"].get("replicas", 1),
            "maxReplicas": _MANY,
        },
    }
    async with stage.present(collection, body):
        yield Planted(f"autoscaler {NAME} of {target}: maxReplicas {_MANY}", implied)


def _scales(autoscaler: Object, workload: str) -> bool:
    target = autoscaler["spec"]["scaleTargetRef"]
    return f"{target['kind'].lower()}/{target['name']}" == workload


VIOLATIONS: Final = (
    Violation("pool.used_ratio", run_dry),
    Violation("database.pool_budget", too_many_pools),
)
