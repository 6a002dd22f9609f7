"""One sample of real requests, shared by everything that is said about a component's traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from drillbook.clients.access import authority_of
from drillbook.clients.http import Answer, Request, open_http
from drillbook.clients.reach import Endpoint, http_endpoint
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.indicators import INDICATORS
from drillbook.model.policy import Component, Route
from drillbook.probes.scene import Scene

WARM_UP: Final = 8
"""Requests sent before the sample and left out of it: they pay for connections and handshakes that users share."""
TIMEOUT: Final = 10.0
"""Seconds after which a request counts as never answered."""
_NOT_TRAFFIC: Final = frozenset({"/health", "/metrics", "/ready"})


@dataclass(frozen=True, slots=True)
class Sample:
    """What was sent to one component and what came back."""

    endpoint: Endpoint
    routes: tuple[str, ...]
    rate: int
    answers: tuple[Answer, ...]

    @property
    def where(self) -> str:
        """As evidence says it: ``https://api.example.com GET /orders``."""
        return f"{self.endpoint.url} {', '.join(self.routes)}"

    def evidence(self) -> dict[str, Any]:
        """How it was sampled and what the answers were, for the report."""
        return {
            "via": str(self.endpoint),
            "routes": list(self.routes),
            "requests": len(self.answers),
            "rate_per_second": self.rate,
            "statuses": dict(Counter(str(a.status) for a in self.answers if a.status is not None)),
            "unanswered": dict(Counter(a.problem for a in self.answers if a.status is None)),
            "warm_up_requests": WARM_UP,
            "timeout_seconds": TIMEOUT,
            "latest_start_seconds": round(max(answer.late for answer in self.answers), 4),
        }


async def sample(scene: Scene, component: Component) -> Sample:
    """The sample of a component: large and fast enough for every objective that asks for one.

    Open-loop, through the component's Ingress, over the GET routes of the policy by their weights, each answer timed
    from when its request was due. Raises ConfigError when there is no such route, Unreachable when there is no way in.
    """
    return await scene.once(("traffic", component.id), lambda: _take(scene, component))


async def _take(scene: Scene, component: Component) -> Sample:
    routes = [r for r in component.routes if r.method == "GET" and "{" not in r.path and _path(r) not in _NOT_TRAFFIC]
    if component.health:
        routes = [route for route in routes if _path(route) != component.health]
    if not routes:
        raise ConfigError(
            f"component {component.id!r} has no GET route to send traffic to: name one under its routes "
            f"that is neither its health endpoint nor {' nor '.join(sorted(_NOT_TRAFFIC))}, and has no {{placeholder}}"
        )
    count, rate = _asked_for(scene, component, "requests"), _asked_for(scene, component, "rate")
    endpoint = await http_endpoint(scene.kube, scene.environment, component)
    ca = authority_of(scene.environment, component.id)
    async with open_http(endpoint, ca=ca, timeout=TIMEOUT) as client:
        plan = interleaved(routes, WARM_UP + count)
        first = await client.run_schedule(plan[:WARM_UP], rate)
        if all(answer.mistrusted for answer in first):
            # Nothing was asked of the system: either this client lacks an authority, or the certificate is bad, which
            # certificate.time_left tells.
            raise Unreachable(
                f"{endpoint} can't be asked: {first[0].problem}; "
                f"name its authority under components.{component.id}.ca in {scene.environment.path}"
            )
        answers = await client.run_schedule(plan[WARM_UP:], rate)
    names = tuple(f"{route.method} {route.path}" for route in routes)
    return Sample(endpoint, names, rate, tuple(answers))


def _path(route: Route) -> str:
    return route.path.partition("?")[0]


def _asked_for(scene: Scene, component: Component, parameter: str) -> int:
    """The largest value of a traffic parameter among the objectives that share this component's sample."""
    asked = []
    for objective in scene.objectives:
        known = INDICATORS[objective.indicator].parameters
        if objective.component == component.id and "requests" in known:
            asked.append(int(objective.parameters.get(parameter, known[parameter].default)))
    return max(asked)


def interleaved(routes: Sequence[Route], count: int) -> list[Request]:
    """``count`` requests in which each route has its share by weight, as evenly spread as can be, the same every time.

    Smooth weighted round-robin, as nginx does: https://github.com/nginx/nginx/commit/52327e0627f4
    """
    total = sum(route.weight for route in routes)
    credit = [0] * len(routes)
    requests = []
    for _ in range(count):
        credit = [have + route.weight for have, route in zip(credit, routes, strict=True)]
        chosen = max(range(len(routes)), key=lambda index: credit[index])
        credit[chosen] -= total
        requests.append(Request(routes[chosen].method, routes[chosen].path))
    return requests
