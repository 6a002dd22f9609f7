"""Whether something answers behind a Service: at the port that it offers, and at its ready endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from drillbook.clients.kube import Object, path_of
from drillbook.clients.reach import Endpoint, tcp_endpoint
from drillbook.clients.wording import cause_of
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed

_CONNECT: Final = 3.0
"""Seconds to wait for a connection."""
_STAYS: Final = 0.2
"""Seconds that a connection must stay: a balancer with nobody behind it accepts and hangs up at once."""
_FROM_HERE: Final = "look from inside the cluster, or set the component's address in the environment"


class _Door(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"


async def port(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """The Service's port where something stays on the line; 0 where the connection is refused or dropped at once.

    The policy's own port where the Service has it, else the first that it has. A connection that nobody answers says
    nothing: from here there may be no way to it.
    """
    asked = needed(component, "service.port")
    kube = await scene.kube()
    where = f"Service {asked.namespace}/{asked.service}"
    service = await kube.find(path_of("services", asked.namespace, asked.service))
    if service is None:
        raise Unreachable(f"{where} of component {asked.id!r} isn't there")
    offered = [int(one["port"]) for one in (service.get("spec") or {}).get("ports") or ()]
    if not offered:
        return scene.unseen(Dimension.COUNT, where, f"{where} has no port", remedy="give it one")
    chosen = asked.port if asked.port in offered else offered[0]
    if (service.get("spec") or {}).get("clusterIP") == "None" and not _has_address(scene, asked):
        doors = await endpoints_of(scene, asked)
    else:
        doors = [await tcp_endpoint(scene.kube, scene.environment, asked)]
    answers = await asyncio.gather(*(_knock(door) for door in doors))
    told = {str(door): said for door, (_, said) in zip(doors, answers, strict=True)}
    evidence = {"ports": offered, "connections": told}
    state = _best([state for state, _ in answers])
    if state is _Door.SILENT:
        problem = f"no connection to port {chosen} within {_CONNECT:g} s"
        return scene.unseen(Dimension.COUNT, where, problem, remedy=_FROM_HERE, evidence=evidence)
    value = chosen if state is _Door.OPEN else 0
    return scene.seen(Dimension.COUNT, f"{where} port {chosen}", value, samples=max(1, len(doors)), evidence=evidence)


async def up(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """1 where a ready endpoint of the Service (or the address in the environment) takes a connection, else 0.

    Ready is what the kubelet's probe says; a connection is what a client needs.
    """
    asked = needed(component, "service.up")
    where = f"Service {asked.namespace}/{asked.service}"
    if _has_address(scene, asked):
        doors = [await tcp_endpoint(scene.kube, scene.environment, asked)]
    else:
        doors = await endpoints_of(scene, asked)
    answers = await asyncio.gather(*(_knock(door) for door in doors))
    evidence = {"endpoints": {str(door): said for door, (_, said) in zip(doors, answers, strict=True)}}
    state = _best([state for state, _ in answers])
    if state is _Door.SILENT:
        problem = f"none of {len(doors)} endpoints took a connection within {_CONNECT:g} s"
        return scene.unseen(Dimension.COUNT, where, problem, remedy=_FROM_HERE, evidence=evidence)
    value = int(state is _Door.OPEN)
    return scene.seen(Dimension.COUNT, where, value, samples=max(1, len(doors)), evidence=evidence)


def _has_address(scene: Scene, component: Component) -> bool:
    reach = scene.environment.components.get(component.id)
    address = reach.address if reach else None
    return address is not None and "://" not in address


def _best(states: list[_Door]) -> _Door:
    """Open where one is; closed where one is known to be, or there is none at all; else nobody knows."""
    if _Door.OPEN in states:
        return _Door.OPEN
    return _Door.CLOSED if _Door.CLOSED in states or not states else _Door.SILENT


async def endpoints_of(scene: Scene, component: Component) -> list[Endpoint]:
    """The ready endpoints of the component's Service, each at the port that the policy's port leads to."""
    kube = await scene.kube()
    service = await kube.find(path_of("services", component.namespace, component.service))
    if service is None:
        raise Unreachable(
            f"Service {component.namespace}/{component.service} of component {component.id!r} isn't there"
        )
    labels = f"kubernetes.io/service-name={component.service}"
    slices = await kube.list(path_of("endpointslices", component.namespace), labels=labels)
    ports = (service.get("spec") or {}).get("ports") or ()
    name = next((one.get("name", "") for one in ports if one["port"] == component.port), None)
    return [_endpoint(one, found, name) for found in slices for one in found.get("endpoints") or () if _ready(one)]


def _ready(endpoint: Object) -> bool:
    # A missing ``ready`` means true, as the API says.
    return bool((endpoint.get("conditions") or {}).get("ready", True))


def _endpoint(one: Object, found: Object, name: str | None) -> Endpoint:
    offered = found.get("ports") or ()
    number = next((p["port"] for p in offered if name is None or p.get("name", "") == name), None)
    who = (one.get("targetRef") or {}).get("name") or one["addresses"][0]
    if number is None:
        raise Unreachable(f"endpoint {who} of EndpointSlice {found['metadata']['name']} has no such port")
    return Endpoint(one["addresses"][0], int(number), one["addresses"][0], False, f"endpoint {who}")


async def _knock(door: Endpoint) -> tuple[_Door, str]:
    """Connect, and see whether the connection stays."""
    try:
        async with asyncio.timeout(_CONNECT):
            reader, writer = await asyncio.open_connection(door.address, door.port)
    except TimeoutError:
        return _Door.SILENT, f"no connection within {_CONNECT:g} s"
    except OSError as error:
        # A network that has no way there says so at once; that is about this machine.
        away = isinstance(error, ConnectionError)
        return (_Door.CLOSED if away else _Door.SILENT), cause_of(error)
    try:
        async with asyncio.timeout(_STAYS):
            greeting = await reader.read(1)
        return (_Door.OPEN, "open") if greeting else (_Door.CLOSED, "accepted, and hung up at once")
    except TimeoutError:
        return _Door.OPEN, "open"
    except OSError as error:
        return _Door.CLOSED, f"accepted, then {cause_of(error)}"
    finally:
        writer.close()
