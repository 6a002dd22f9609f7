"""How pods are made to use too much CPU and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Final

from drillbook.clients.kube import Object, path_of
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.model.policy import Component, Objective
from drillbook.model.quantity import Dimension, render
from drillbook.proof.beyond import number_beyond
from drillbook.proof.hunger import BURN, FILL, MOST, lowered
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_MOST_CORES: Final = Decimal("1.5")
"""Cores that a small machine, of two, has to give."""
_HELPINGS: Final = 3
_NEAR: Final = Decimal("0.005")
"""How much of what is to be used may be lacking."""
_MARGIN: Final = Decimal(12 * 1024 * 1024)
"""Bytes between the limit of an objective and the container's end that it takes to aim between them."""
_METRICS_SECONDS: Final = 3.0
"""How long metrics may be behind."""


@asynccontextmanager
async def busy(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A process in a container that computes without end."""
    async with _hungry(stage, objective, "cpu") as what:
        yield Planted(what, _same(stage, objective, "pod.cpu_ratio", "pod.cpu"))


@asynccontextmanager
async def greedy(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A process in a container that holds memory, not so much that the container is killed for it."""
    async with _hungry(stage, objective, "memory") as what:
        yield Planted(what, _same(stage, objective, "pod.memory_ratio"))


@asynccontextmanager
async def busy_cores(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """More cores are computed on than the limit allows."""
    component, wanted = stage.component(objective), number_beyond(objective, "0.001") * Decimal("1.3")
    if wanted > _MOST_CORES:
        raise Unplantable(f"{objective.id}: {objective.limit} takes more cores than there may be here")
    async with AsyncExitStack() as until_back:
        for pod in await _chosen(stage, component, objective):
            container = pod["spec"]["containers"][0]["name"]
            command = ("python3", "-c", BURN, f"{wanted:.3f}")
            await until_back.enter_async_context(stage.beside(component, pod["metadata"]["name"], container, *command))
        yield Planted(f"{component.workload}: {wanted:.3f} cores are busy", _same(stage, objective, "pod.cpu_ratio"))


@asynccontextmanager
async def _hungry(stage: Stage, objective: Objective, resource: str) -> AsyncIterator[str]:
    component, of = stage.component(objective), str(stage.parameters(objective)["of"])
    limit = number_beyond(objective, "0.0001")
    # CPU may be above its limit here, memory must not: the kubelet would kill the container.
    share = limit * 2 if resource == "cpu" else limit + (1 - limit) * Decimal("0.6")
    if resource == "memory" and of == "limit" and limit >= Decimal("0.99"):
        raise Unplantable(f"{objective.id}: what uses all its memory is killed before anybody looks")
    most = (
        MOST[resource] if resource == "cpu" or limit >= 1 else max(MOST[resource], Decimal(int(_MARGIN / (1 - limit))))
    )
    told = []
    async with AsyncExitStack() as until_back:
        for pod in await _chosen(stage, component, objective):
            container = pod["spec"]["containers"][0]
            bound = await until_back.enter_async_context(lowered(stage, component, pod, container, resource, of, most))
            name, wanted = pod["metadata"]["name"], bound * share
            if resource == "memory":
                await until_back.enter_async_context(_filled(stage, component, name, container["name"], wanted))
            else:
                command = ("python3", "-c", BURN, f"{wanted:.3f}")
                await until_back.enter_async_context(stage.beside(component, name, container["name"], *command))
            dimension = Dimension.CORES if resource == "cpu" else Dimension.BYTES
            told.append(f"{name}: {render(wanted, dimension)} of {render(bound, dimension)} {resource} used")
        yield "; ".join(told)


@asynccontextmanager
async def _filled(stage: Stage, component: Component, pod: str, container: str, wanted: Decimal) -> AsyncIterator[None]:
    """A container uses so much memory: what it lacks is held, corrected where what it used itself has changed."""
    size = wanted - await _held(stage, component, pod, container)
    for left in reversed(range(_HELPINGS)):
        async with stage.beside(component, pod, container, "python3", "-c", FILL, f"{max(size, Decimal(0)):.0f}"):
            await asyncio.sleep(_METRICS_SECONDS)
            lacking = wanted - await _held(stage, component, pod, container)
            if not left or abs(lacking) <= wanted * _NEAR:
                yield
                return
        size += lacking


async def _held(stage: Stage, component: Component, pod: str, container: str) -> Decimal:
    """The memory that a container uses now."""
    found = await stage.kube.get(path_of("podmetrics", component.namespace, pod))
    return next(kube_quantity(one["usage"]["memory"]) for one in found["containers"] if one["name"] == container)


async def _chosen(stage: Stage, component: Component, objective: Objective) -> list[Object]:
    """The pods to burden: one is enough for the worst of them, it takes all for their average."""
    pods = await stage.pods(component)
    return pods if stage.parameters(objective).get("statistic") == "average" else pods[:1]


def _same(stage: Stage, objective: Objective, *indicators: str) -> frozenset[str]:
    return stage.asking(*indicators, component=objective.component)


VIOLATIONS: Final = (
    Violation("pod.cpu_ratio", busy, within=60.0),
    Violation("pod.cpu", busy_cores, within=60.0),
    Violation("pod.memory_ratio", greedy),
)
