"""Pools of database connections: what all of them together may open, and how much of one is in use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.kube import path_of
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.indicators import INDICATORS
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes import config_values
from drillbook.probes.asking_sql import by_connection
from drillbook.probes.database_limits import limits_of
from drillbook.probes.metrics_pages import MetricsPage, doors_of, pages_of
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import workload

_OVER_SECONDS: Final = 1.0
"""The samples are spread over this time: one look misses a burst."""


async def budget(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """(pool + overflow) x processes x the most replicas, over what applications can have of the server's connections.

    The pool is each process's own: one that fits alone doesn't fit as often as the autoscaler may start it.
    """
    asked = needed(component, "database.pool_budget")
    names = ("pool", "overflow", "processes")
    numbers = {name: await _number(scene, asked, str(parameters[name]), name) for name in names}
    replicas, source = await _most_replicas(scene, asked)
    database = _database(scene, parameters["database"])
    limits = await limits_of(scene, database, await by_connection(scene, database))
    opened = (numbers["pool"] + numbers["overflow"]) * numbers["processes"] * replicas
    evidence = {name: int(number) for name, number in numbers.items()} | {
        "replicas": replicas,
        "replicas_from": source,
        "connections_that_may_be_opened": int(opened),
        "usable_connections": limits.usable,
        **limits.settings,
    }
    where = f"pools of {asked.workload} in namespace {asked.namespace} over the connections of component {database.id}"
    return scene.seen(Dimension.RATIO, where, round(opened / limits.usable, 6), evidence=evidence)


async def used_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Connections in use over the pool's size, of the fullest pool of any pod, the most of several scrapes.

    Averaged over pods, one that has run dry hides behind idle ones; one scrape through the Service asks one of them.
    """
    asked = needed(component, "pool.used_ratio")
    doors = await doors_of(scene, asked)
    taken: list[tuple[Decimal, str]] = []
    for number in range(parameters["samples"]):
        if number:
            await asyncio.sleep(_OVER_SECONDS / parameters["samples"])
        pages = await pages_of(scene, asked, doors, parameters["path"])
        taken += [pool for page in pages for pool in _pools(page, parameters["used"], parameters["size"])]
    value, where = max(taken)
    evidence = {
        "pods": [str(door) for door in doors],
        "used": parameters["used"],
        "size": parameters["size"],
        "median": str(sorted(taken)[len(taken) // 2][0]),
    }
    return scene.seen(Dimension.RATIO, where, round(value, 6), samples=parameters["samples"], evidence=evidence)


def _pools(page: MetricsPage, used: str, size: str) -> list[tuple[Decimal, str]]:
    """How full each pool of one pod is; a series of sizes has the labels of its series of uses."""
    sizes = page.metric(size)
    both = [(labels, uses, sizes[labels]) for labels, uses in page.metric(used).items() if sizes.get(labels, 0) > 0]
    if not both:
        raise Unreachable(f"{page.where} has no {used} with a {size} above zero: name both as parameters")
    return [
        (Decimal(str(in_use)) / Decimal(str(whole)), f"{used}{dict(labels) or ''} of {page.where}")
        for labels, in_use, whole in both
    ]


async def _number(scene: Scene, component: Component, given: str, name: str) -> Decimal:
    """A number as it is given, a ConfigMap's ``name/KEY``, or else a variable of the container."""
    if given.isdigit():
        return Decimal(given)
    known = INDICATORS["config.value"].parameters
    asked = dict.fromkeys(known) | {"as": "count"}
    config_map, _, key = given.rpartition("/")
    if config_map:
        seen = await config_values.from_configmap(scene, component, asked | {"configmap": config_map, "name": key})
    else:
        seen = await config_values.from_env(scene, component, asked | {"name": key})
    if seen.value is None:
        raise Unreachable(f"parameter {name}: no whole number is to be had from {given}: {seen.problem}")
    return seen.value


async def _most_replicas(scene: Scene, component: Component) -> tuple[int, str]:
    """What the autoscaler may start, else what the workload wants, and which of them said so."""
    owner = await workload(scene, component)
    kube = await scene.kube()
    found = await kube.list(path_of("horizontalpodautoscalers", component.namespace))
    targets = [(one, one["spec"]["scaleTargetRef"]) for one in found]
    mine = [one for one, target in targets if f"{target['kind'].lower()}/{target['name']}" == str(component.workload)]
    if mine:
        most = max(mine, key=lambda one: int(one["spec"]["maxReplicas"]))
        return int(most["spec"]["maxReplicas"]), f"HorizontalPodAutoscaler {most['metadata']['name']}"
    return int((owner.get("spec") or {}).get("replicas", 1)), str(component.workload)


def _database(scene: Scene, name: str | None) -> Component:
    """The component that the parameter names, else the only PostgreSQL of the policy."""
    found = [one for one in scene.policy.components.values() if one.engine == "postgres" and name in (None, one.id)]
    if len(found) != 1:
        what = f"no postgres component {name!r}" if name else f"{len(found)} postgres components"
        raise ConfigError(f"expected parameter database to name one component of engine postgres, found {what}")
    return found[0]
