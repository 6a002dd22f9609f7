"""Looks at the real Solar in its sandbox, and objects that are in it for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from drillbook.clients.kube import Kube, Object
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.observation import Observation
from drillbook.model.policy import Workload
from tests.conftest import SandboxHandle
from tests.probes.scenes import component, look, objective

SOLAR = "solar-pv-llm-ai"


def seen(
    solar: SandboxHandle, indicator: str, *, workload: str = "backend", via: str = "", **fields: Any
) -> Observation:
    """One look at one workload of Solar."""
    base: dict[str, Any] = {"namespace": SOLAR, "workload": Workload("deployment", workload), "service": workload}
    parameters = fields.pop("parameters", {})
    where = Environment("sandbox", EnvironmentClass.SANDBOX, Path("sandbox.yaml"), sandbox=solar.name)
    return look(component(**(base | fields)), where, replace(objective(indicator, **parameters), via=via))[indicator]


@contextmanager
def created(solar: SandboxHandle, collection: str, body: Object) -> Iterator[None]:
    """An object that is gone again afterwards."""

    async def run(make: bool) -> None:
        async with Kube.connect(solar.kubeconfig, None) as kube:
            if make:
                await kube.create(collection, body)
            else:
                await kube.delete(f"{collection}/{body['metadata']['name']}")

    asyncio.run(run(True))
    try:
        yield
    finally:
        asyncio.run(run(False))
