"""The metrics page of every pod behind a Service: one asked through the Service speaks of any of them, or of another.

So each ready endpoint is asked by itself. A page that can't be had or read is no page of zeros.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drillbook.clients.access import authority_of
from drillbook.clients.exposition import samples
from drillbook.clients.http import Request, open_http
from drillbook.clients.reach import Endpoint
from drillbook.errors import Unreachable
from drillbook.model.policy import Component
from drillbook.probes.ports import endpoints_of
from drillbook.probes.scene import Scene

_TIMEOUT: Final = 5.0
"""Seconds that a page may take."""

type Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """What one pod said of itself at one moment."""

    where: str
    """The pod and the path, as a sentence begins: ``endpoint backend-0 /metrics``."""
    series: Mapping[str, Mapping[Labels, float]]
    """The values of each metric, by their labels."""

    def metric(self, name: str) -> Mapping[Labels, float]:
        """A metric's values by their labels; empty where the page has none of that name."""
        return self.series.get(name, {})


async def doors_of(scene: Scene, component: Component) -> list[Endpoint]:
    """The endpoints to be scraped. Raises Unreachable where nothing stands behind the Service."""
    endpoints = await endpoints_of(scene, component)
    if not endpoints:
        raise Unreachable(f"nothing stands behind Service {component.namespace}/{component.service} to be scraped")
    return endpoints


async def pages_of(scene: Scene, component: Component, doors: list[Endpoint], path: str) -> list[MetricsPage]:
    """The page of each endpoint, in their order, all asked now. Raises Unreachable where one can't be had or read."""
    return await asyncio.gather(*(_page(scene, component, door, path) for door in doors))


async def _page(scene: Scene, component: Component, door: Endpoint, path: str) -> MetricsPage:
    async with open_http(door, ca=authority_of(scene.environment, component.id), timeout=_TIMEOUT) as client:
        answer = await client.send(Request("GET", path))
    where = f"{door} {path}"
    if answer.status != 200:
        raise Unreachable(f"{where} said {answer.status or answer.problem} instead of its metrics")
    series: dict[str, dict[Labels, float]] = {}
    try:
        for one in samples(answer.body.decode(errors="replace")):
            name, labels = one.series
            series.setdefault(name, {})[labels] = one.value
    except ValueError as error:
        raise Unreachable(f"{where}: {error}") from error
    return MetricsPage(where, series)
