"""The three signals of a drill: can users read, can they write, and is the broken component ready again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.ledger import Ledger, filled
from drillbook.drills.watch import Look, Signal
from drillbook.errors import ConfigError, DrillbookError
from drillbook.faults.workloads import is_ready
from drillbook.model.policy import Component, Policy, Route, WriteRoutes

if TYPE_CHECKING:
    from drillbook.clients.http import Answer, HttpClient
    from drillbook.clients.kube import Kube

TRAFFIC_INTERVAL: Final = 0.05
READY_INTERVAL: Final = 0.1
LONGEST_INTERVAL: Final = max(TRAFFIC_INTERVAL, READY_INTERVAL)
"""The coarsest cadence: no time that is finer can be judged."""


def entrance(policy: Policy) -> tuple[Component, Route, WriteRoutes]:
    """The component through which users come in, how they read there and how they write. Raises ConfigError."""
    for component in policy.components.values():
        route = component.read_route
        if component.writes is not None and route is not None:
            return component, route, component.writes
    raise ConfigError(
        f"{policy.path}: a drill needs a component with a GET route and with writes, to tell whether users are served "
        "and whether their writes survive; no component has both"
    )


def read_signal(http: HttpClient, route: Route) -> Signal:
    """Reads through the front door; good is any 2xx."""
    request = filled(route)

    async def ask() -> Look:
        return _look(await http.send(request))

    return Signal("read", TRAFFIC_INTERVAL, ask, served=True)


def write_signal(http: HttpClient, ledger: Ledger, now: Callable[[], float]) -> Signal:
    """The ledger's own writes; good is acknowledged."""

    async def ask() -> Look:
        return _look(await ledger.write(http, now()))

    return Signal("write", TRAFFIC_INTERVAL, ask, served=True)


def ready_signal(kube: Kube, namespace: str, selector: Mapping[str, Any], replicas: int) -> Signal:
    """The platform's own opinion of the component that is broken: as many ready pods as there were."""
    from drillbook.clients.kube import path_of, selector_text

    labels, path = selector_text(selector), path_of("pods", namespace)

    async def ask() -> Look:
        try:
            pods = await kube.list(path, labels=labels)
        except DrillbookError as error:
            return Look(False, str(error))
        ready = sum(is_ready(pod) for pod in pods)
        return Look(ready >= replicas, "" if ready >= replicas else f"{ready} of {replicas} pods ready")

    return Signal("ready", READY_INTERVAL, ask)


def _look(answer: Answer) -> Look:
    if answer.status is None:
        return Look(False, answer.problem)
    good = 200 <= answer.status < 300
    return Look(good, "" if good else f"HTTP {answer.status}")
