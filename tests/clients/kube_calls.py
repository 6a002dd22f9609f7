"""A cluster's client for one question, and what the questions are about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from drillbook.clients.kube import Kube, Object, path_of

SOLAR = "solar-pv-llm-ai"


def ask[T](kubeconfig: Path, question: Callable[[Kube], Awaitable[T]], *, timeout: float = 10.0) -> T:
    """Answer one question with a client of its own."""

    async def run() -> T:
        async with Kube.connect(kubeconfig, None, timeout) as kube:
            return await question(kube)

    return asyncio.run(run())


async def a_backend(kube: Kube) -> Object:
    pods = await kube.list(path_of("pods", SOLAR), labels="app=backend")
    return pods[0]


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
