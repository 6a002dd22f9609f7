"""What a component's users see: how long answers take, how many fail, whether it calls itself healthy."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final

from drillbook.clients.access import authority_of
from drillbook.clients.http import Request, open_http
from drillbook.clients.reach import http_endpoint
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.model.statistics import wait_bounds, wilson
from drillbook.probes.scene import Scene, needed
from drillbook.probes.traffic import sample

_TAIL: Final = 20
"""Samples beyond a quantile that it takes to bound it well: n (1 - q) >= 20."""


async def latency(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The percentile of answer times in seconds, from when each request was due, by nearest rank over all of them.

    Bounded by binomial order statistics at 95 %. A request that was never answered counts as slower than any limit.
    What this machine itself was late in sending is no user's wait: the lower bound is without it.
    """
    taken = await sample(scene, needed(component, "http.latency"))
    quantile = parameters["percentile"] / 100
    times = sorted(took := [math.inf if answer.status is None else answer.took for answer in taken.answers])
    estimate = wait_bounds(took, [answer.late for answer in taken.answers], quantile)
    value, low, high = (round(bound, 6) for bound in estimate)
    enough = math.ceil(_TAIL / (1 - quantile))
    evidence = taken.evidence() | {
        "percentile": parameters["percentile"],
        "fastest_seconds": round(times[0], 4),
        "median_seconds": _finite(times[len(times) // 2]),
        "slowest_seconds": _finite(times[-1]),
        "bounds": "binomial order statistics, 95 %",
    }
    return scene.seen(
        Dimension.DURATION,
        taken.where,
        value,
        low=low,
        high=high,
        samples=len(times),
        remedy=f"needs {max(enough, 4 * len(times)):,} requests",
        evidence=evidence,
    )


def _finite(seconds: float) -> float | str:
    return round(seconds, 4) if math.isfinite(seconds) else "never answered"


async def error_ratio(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Failed requests over all requests of the same sample, bounded by Wilson's interval at 95 %.

    Failed: the server's own errors (5xx) and requests that got no answer at all. A 4xx is the client's mistake.
    """
    taken = await sample(scene, needed(component, "http.error_ratio"))
    failed = sum(answer.failed for answer in taken.answers)
    ratio, low, high = wilson(failed, len(taken.answers))
    return scene.seen(
        Dimension.RATIO,
        taken.where,
        ratio,
        low=low,
        high=high,
        samples=len(taken.answers),
        remedy=f"needs {4 * len(taken.answers):,} requests",
        evidence=taken.evidence() | {"failed": failed, "bounds": "Wilson score, 95 %"},
    )


async def health(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The worst HTTP status among so many requests to the health endpoint; 0, worst of all, is no answer."""
    asked = needed(component, "http.health")
    endpoint = await http_endpoint(scene.kube, scene.environment, asked)
    request = Request("GET", asked.health or "/")
    async with open_http(endpoint, ca=authority_of(scene.environment, asked.id), timeout=5.0) as client:
        answers = await asyncio.gather(*(client.send(request) for _ in range(parameters["attempts"])))
    statuses = [answer.status or 0 for answer in answers]
    worst = min(answers, key=lambda answer: (answer.status is not None, -(answer.status or 0)))
    said = worst.problem or worst.body[:300].decode(errors="replace")
    return scene.seen(
        Dimension.COUNT,
        f"{endpoint.url}{request.path}",
        worst.status or 0,
        samples=len(answers),
        evidence={"via": str(endpoint), "statuses": statuses, "worst_said": said},
    )
