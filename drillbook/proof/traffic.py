"""Traffic that goes on while something is proven: what is counted on ``/metrics`` moves only when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from drillbook.clients.access import authority_of
from drillbook.clients.http import open_http
from drillbook.clients.kube import Kube
from drillbook.clients.reach import http_endpoint
from drillbook.errors import ConfigError
from drillbook.model.policy import Component
from drillbook.probes.traffic import interleaved
from drillbook.proof.stage import Stage

_BATCH_SECONDS = 1.0


@asynccontextmanager
async def sending(stage: Stage, component: Component, rate: float) -> AsyncIterator[str]:
    """GET the component's routes ``rate`` times a second until the body ends; gives what it is, for people."""
    endpoint = await http_endpoint(_giving(stage.kube), stage.environment, component)
    routes = [r for r in component.routes if r.method == "GET" and "{" not in r.path]
    if not routes:
        raise ConfigError(f"component {component.id!r} has no GET route to send traffic to")
    batch = interleaved(routes, max(1, round(rate * _BATCH_SECONDS)))
    async with open_http(endpoint, ca=authority_of(stage.environment, component.id)) as client:
        task = asyncio.create_task(_forever(lambda: client.run_schedule(batch, rate)))
        try:
            yield f"{rate:g} requests a second to {endpoint}"
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _forever(send: Callable[[], Awaitable[object]]) -> None:
    while True:
        await send()


def _giving(kube: Kube) -> Callable[[], Awaitable[Kube]]:
    async def give() -> Kube:
        return kube

    return give
