"""Waiting for everything to become Ready, and saying why it doesn't."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from drillbook.errors import Unreachable
from drillbook.sandbox import readiness
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.kinds import DEPLOYMENT, POD, STATEFUL_SET, Object
from drillbook.sandbox.kubelet.kubelet import Kubelet
from drillbook.sandbox.store import Subscription

PATIENCE_WITH_HOPELESS: Final = 1.0
"""Seconds that a pod may look hopeless before it is given up: what it misses may just be on its way."""

LAST_LINES: Final = 5


async def until_ready(cluster: Cluster, kubelet: Kubelet, seconds: float, tell: Callable[..., None]) -> None:
    """Return when every workload is complete; ``tell`` hears how far it is.

    Raises Unreachable with the pod, its state and its last words when time is up, or as soon as something is clear to
    stay as it is.
    """
    try:
        async with asyncio.timeout(seconds):
            await _until_done(cluster, kubelet, tell)
    except TimeoutError:
        because = _why(cluster, kubelet, readiness.first_waiting(cluster.store))
        raise Unreachable(f"not everything became Ready within {seconds:g} s: {because}") from None


async def _until_done(cluster: Cluster, kubelet: Kubelet, tell: Callable[..., None]) -> None:
    loop = asyncio.get_running_loop()
    changes = cluster.store.subscribe(POD, DEPLOYMENT, STATEFUL_SET)
    hopeless_since: float | None = None
    told: readiness.Readiness | None = None
    try:
        while True:
            now = readiness.look(cluster.store)
            if now != told:
                tell(pods_ready=now.ready, pods=now.wanted, waiting=list(now.waiting))
                told = now
            problem = next(iter(cluster.problems.sentences.values()), None)
            pod = readiness.hopeless(cluster.store)
            if now.done and problem is None:
                return
            if problem is None and pod is None:
                hopeless_since = None
            else:
                hopeless_since = hopeless_since or loop.time()
                if loop.time() - hopeless_since > PATIENCE_WITH_HOPELESS:
                    raise Unreachable(problem or _why(cluster, kubelet, pod))
            await _news(changes)
    finally:
        changes.close()


async def _news(changes: Subscription) -> None:
    """Wait for a change, and take all that there are at once."""
    with suppress(TimeoutError):
        await asyncio.wait_for(changes.next(), 0.25)
    while not changes.queue.empty():
        changes.queue.get_nowait()


def _why(cluster: Cluster, kubelet: Kubelet, pod: Object | None) -> str:
    if pod is None:
        return f"still waiting for {', '.join(readiness.look(cluster.store).waiting)}"
    last: list[str] = []
    worker = kubelet.workers.get(pod["metadata"]["uid"])
    for container in worker.containers if worker else ():
        if container.log is not None and not container.ready:
            last += container.log.last_lines(LAST_LINES)
    return readiness.why(cluster.store, pod, last)
