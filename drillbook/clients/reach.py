"""How to reach a component: where the environment says, else where its Ingress or Service is in the cluster."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.environment import Environment
from drillbook.model.policy import Component

type KubeOf = Callable[[], Awaitable[Kube]]
"""Gives the cluster's client when it is needed: a component with an address of its own needs no cluster."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to, and which name to ask for there."""

    address: str
    """Host name or IP address that is connected to."""
    port: int
    host: str
    """What the request is for: the Host header and, with TLS, the server name."""
    tls: bool
    via: str
    """How it was found, for people: ``Ingress shop/api``."""

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    def __str__(self) -> str:
        shown = self.address if self.address == self.host else f"{self.host} at {self.address}"
        return f"{shown}:{self.port} ({self.via})"


async def http_endpoint(kube: KubeOf, environment: Environment, component: Component) -> Endpoint:
    """Where the component answers HTTP. Raises ConfigError or Unreachable with what to write into the environment."""
    given = _given(environment, component)
    if given is not None and "://" in given:
        return _from_url(given, environment, component)
    if component.ingress is not None:
        found = ingress_endpoints(await _ingress(await kube(), component), component)
        if given is None:
            return found[0]
        host, port = _host_port(given, environment, component)
        return Endpoint(host, port, found[0].host, found[0].tls, "address in the environment")
    return await tcp_endpoint(kube, environment, component)


async def tcp_endpoint(kube: KubeOf, environment: Environment, component: Component) -> Endpoint:
    """Where the component listens: its given address, else its Service's cluster address."""
    given = _given(environment, component)
    if given is not None:
        host, port = _host_port(given, environment, component)
        return Endpoint(host, port, host, False, "address in the environment")
    if component.service is None:
        raise ConfigError(f"component {component.id!r} has no service, so {_hint(environment, component)}")
    where = f"Service {component.namespace}/{component.service}"
    service = await (await kube()).find(path_of("services", component.namespace, component.service))
    if service is None:
        raise Unreachable(f"{where} of component {component.id!r} isn't there")
    spec = service.get("spec") or {}
    address = spec.get("clusterIP") or "None"
    ports = [int(port["port"]) for port in spec.get("ports") or ()]
    if address == "None" or not ports:
        raise Unreachable(f"{where} has no cluster address and port, so {_hint(environment, component)}")
    chosen = component.port if component.port in ports else ports[0]
    return Endpoint(address, chosen, address, False, where)


async def tls_endpoints(kube: KubeOf, environment: Environment, component: Component) -> tuple[Endpoint, ...]:
    """Every name that the component's Ingress serves with TLS. Raises Unreachable where there is none."""
    given = _given(environment, component)
    if given is not None and "://" in given:
        return (_from_url(given, environment, component),)
    ingress = await _ingress(await kube(), component)
    found = [endpoint for endpoint in ingress_endpoints(ingress, None) if endpoint.tls]
    if not found:
        raise Unreachable(f"Ingress {component.namespace}/{component.ingress} serves no name with TLS")
    if given is not None:
        host, port = _host_port(given, environment, component)
        found = [Endpoint(host, port, e.host, True, "address in the environment") for e in found]
    return tuple(found)


async def every_address(endpoint: Endpoint) -> tuple[Endpoint, ...]:
    """The endpoint at each address that its name stands for: behind one name, one of several can be the stale one.

    Raises Unreachable for a name that nobody knows.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.address, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"no address is known for {endpoint}: {error.strerror or error}") from error
    return tuple(replace(endpoint, address=address) for address in dict.fromkeys(str(one[4][0]) for one in found))


def ingress_endpoints(ingress: Object, component: Component | None) -> list[Endpoint]:
    """The names that an Ingress serves, at the address in its status; with ``component``, those of its Service first.

    The port is the first that the status lists (the last for a name without TLS), else the protocol's own.
    Raises Unreachable when the Ingress has no rule with a host, or no address yet.
    """
    meta, spec = ingress["metadata"], ingress.get("spec") or {}
    via = f"Ingress {meta['namespace']}/{meta['name']}"
    points = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if not points:
        raise Unreachable(f"{via} has no address yet: its status.loadBalancer is empty")
    address = points[0].get("ip") or points[0]["hostname"]
    ports = [int(port["port"]) for port in points[0].get("ports") or ()]
    with_tls = [set(entry.get("hosts") or ()) for entry in spec.get("tls") or ()]
    rules = [rule for rule in spec.get("rules") or () if rule.get("host")]
    if component is not None:
        rules.sort(key=lambda rule: component.service not in _services(rule))
    if not rules:
        raise Unreachable(f"{via} has no rule with a host, so nothing can be asked for there")
    endpoints = []
    for rule in rules:
        tls = any(rule["host"] in hosts or not hosts for hosts in with_tls)
        port = (ports[0] if tls else ports[-1]) if ports else (443 if tls else 80)
        endpoints.append(Endpoint(address, port, rule["host"], tls, via))
    return endpoints


def _services(rule: Object) -> set[str | None]:
    paths = (rule.get("http") or {}).get("paths") or ()
    return {((path.get("backend") or {}).get("service") or {}).get("name") for path in paths}


async def _ingress(kube: Kube, component: Component) -> Object:
    if component.ingress is None:
        raise ConfigError(f"component {component.id!r} has no ingress in the policy")
    found = await kube.find(path_of("ingresses", component.namespace, component.ingress))
    if found is None:
        raise Unreachable(
            f"Ingress {component.namespace}/{component.ingress} of component {component.id!r} isn't there"
        )
    return found


def _given(environment: Environment, component: Component) -> str | None:
    reach = environment.components.get(component.id)
    return reach.address if reach else None


def _from_url(url: str, environment: Environment, component: Component) -> Endpoint:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _unusable(url, environment, component) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _unusable(url, environment, component)
    tls = parts.scheme == "https"
    return Endpoint(parts.hostname, port or (443 if tls else 80), parts.hostname, tls, "address in the environment")


def _host_port(text: str, environment: Environment, component: Component) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _unusable(text, environment, component) from error
    if not host or port is None:
        raise _unusable(text, environment, component)
    return host, port


def _unusable(text: str, environment: Environment, component: Component) -> ConfigError:
    return ConfigError.at(
        environment.path, None, f"expected host:port or a URL as address of component {component.id!r}, found {text!r}"
    )


def _hint(environment: Environment, component: Component) -> str:
    where = f"components.{component.id}.address in {environment.path}"
    return f"environment {environment.name!r} must say where it listens: set {where}"
