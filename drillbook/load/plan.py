"""What to send, where and how often: worked out before Locust starts, handed over as JSON.

``python -m drillbook.load.plan SYSTEM --environment NAME`` prints a plan. Finding a cluster's addresses needs an
asyncio client, which has no place in a process that gevent has changed.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Final

from drillbook.checking import load_system
from drillbook.clients.access import authority_of
from drillbook.clients.reach import Endpoint, http_endpoint
from drillbook.errors import ConfigError, DrillbookError
from drillbook.model.environment import Environment
from drillbook.model.policy import Component, Policy, Route
from drillbook.probes.scene import Scene

TIMEOUT: Final = 10.0
"""Seconds after which a request counts as never answered: the same as for a check's sample."""
_NOT_TRAFFIC: Final = frozenset({"/health", "/ready", "/metrics"})


@dataclass(frozen=True, slots=True)
class Target:
    """One component that answers HTTP, and the requests that it gets."""

    component: str
    endpoint: Endpoint
    ca: str | None
    """The CA bundle to trust beside the system's."""
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Everything that the sending process needs to know."""

    system: str
    environment: str
    sandbox: str | None
    rate: float
    """Arrivals per second, over all targets."""
    seconds: float | None
    """No arrival is due later than that; None leaves it to Locust's own run time."""
    timeout_seconds: float
    targets: tuple[Target, ...]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LoadPlan:
        given = json.loads(text)
        targets = tuple(
            Target(
                component=target["component"],
                endpoint=Endpoint(**target["endpoint"]),
                ca=target["ca"],
                routes=tuple(Route(**route) for route in target["routes"]),
            )
            for target in given.pop("targets")
        )
        return cls(**given, targets=targets)


def plan_load(
    policy: Policy,
    environment: Environment,
    rate: float,
    seconds: float | None = None,
    timeout_seconds: float = TIMEOUT,
) -> LoadPlan:
    """Find where every component with routes answers.

    Raises ConfigError when the policy has no route to send to, Unreachable when there is no way in.
    """
    chosen = [(c, routes) for c in policy.components.values() if (routes := traffic(c))]
    if not chosen:
        raise ConfigError(
            f"{policy.path}: no component has routes to send traffic to; name them under components.NAME.routes"
        )
    endpoints = asyncio.run(_endpoints(policy, environment, [component for component, _ in chosen]))
    targets = []
    for (component, routes), endpoint in zip(chosen, endpoints, strict=True):
        ca = authority_of(environment, component.id)
        targets.append(Target(component.id, endpoint, str(ca) if ca else None, routes))
    return LoadPlan(
        policy.system, environment.name, environment.sandbox, rate, seconds, timeout_seconds, tuple(targets)
    )


def traffic(component: Component) -> tuple[Route, ...]:
    """The component's routes without those that machines ask: health, readiness, metrics."""
    apart = _NOT_TRAFFIC | {component.health}
    return tuple(route for route in component.routes if route.path.partition("?")[0] not in apart and route.weight > 0)


async def _endpoints(policy: Policy, environment: Environment, components: list[Component]) -> list[Endpoint]:
    async with Scene(policy, environment, ()) as scene:
        return [await http_endpoint(scene.kube, environment, component) for component in components]


def main() -> None:
    """Print the plan of one system as JSON, or say on standard error why there is none, with the exit code for it."""
    parser = argparse.ArgumentParser(prog="drillbook.load.plan")
    parser.add_argument("system")
    parser.add_argument("--environment", default="sandbox")
    parser.add_argument("--sandbox")
    parser.add_argument("--rate", type=float, default=20.0)
    given = parser.parse_args()
    try:
        policy, environment, _ = load_system(given.system, given.environment, given.sandbox)
        print(plan_load(policy, environment, given.rate).to_json())
    except DrillbookError as error:
        print(f"drillbook: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
