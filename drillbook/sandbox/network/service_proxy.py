"""What kube-proxy does: each Service port leads to the ready pods behind it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable

from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.kinds import ENDPOINTS, SERVICE, Object
from drillbook.sandbox.network.balancer import PortBalancer
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.listeners import who_listens
from drillbook.sandbox.network.sockets import Address
from drillbook.sandbox.store import Change

COMPONENT = "service-proxy"


class ServiceProxy(Controller):
    """Keeps a balancer for each TCP port of each Service."""

    name = "service-proxy"
    watches = (SERVICE, ENDPOINTS)

    def __init__(self, cluster: Cluster, guard: Guard | None = None) -> None:
        super().__init__(cluster)
        self._guard = guard
        self._balancers: dict[Key, dict[str, PortBalancer]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)]

    async def reconcile(self, key: Key) -> None:
        service = self.store.get(SERVICE, *key)
        address = (service or {}).get("spec", {}).get("clusterIP")
        running = self._balancers.setdefault(key, {})
        if service is None or not address or address == "None":
            for balancer in running.values():
                balancer.close()
            del self._balancers[key]
            return
        endpoints = self.store.get(ENDPOINTS, *key)
        wanted: dict[str, tuple[Address, list[Address]]] = {}
        for port in service["spec"].get("ports") or ():
            if port.get("protocol", "TCP") == "TCP":
                name = str(port.get("name", ""))
                wanted[name] = ((address, int(port["port"])), ready_addresses(endpoints, name))
        for name, balancer in list(running.items()):
            if name not in wanted or wanted[name][0] != balancer.listen:
                balancer.close()
                del running[name]
        for name, (listen, targets) in wanted.items():
            await self._use(service, running.setdefault(name, PortBalancer(listen, self._guard)), targets)

    async def _use(self, service: Object, balancer: PortBalancer, targets: list[Address]) -> None:
        namespace, name = own_key(service)
        host, port = balancer.listen
        problem = f"service {namespace}/{name}:{port}"
        try:
            await balancer.use(targets)
        except PermissionError:
            self._refuse_privileged(service, host, port)
            return
        except OSError as error:
            sentence = f"Service {namespace}/{name} can't listen on {host}:{port}: {_because(error, port)}"
            self.cluster.events.warning(service, COMPONENT, "PortNotAvailable", sentence)
            self.cluster.problems.add(problem, sentence)
            self.queue.add_after((namespace, name), 5.0)
            return
        self.cluster.problems.solved(problem)

    def _refuse_privileged(self, service: Object, host: str, port: int) -> None:
        """Without privileges a low port can't be had: the Service is there and nobody answers at its address.

        Nothing fails for that: the sandbox's own programs reach the API directly, and say so if they need another.
        """
        namespace, name = own_key(service)
        sentence = (
            f"Service {namespace}/{name} doesn't listen on {host}:{port}: ports below 1024 need privileges here; give "
            f"the Service a port from 1024 up, or lower net.ipv4.ip_unprivileged_port_start to {port}"
        )
        self.cluster.events.warning(service, COMPONENT, "PortNotPermitted", sentence)
        log.info("%s", sentence)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            for balancers in self._balancers.values():
                for balancer in balancers.values():
                    balancer.close()
            await asyncio.sleep(0)


def ready_addresses(endpoints: Object | None, port_name: str) -> list[Address]:
    """Where the ready pods behind one port of a Service listen."""
    found = []
    for subset in (endpoints or {}).get("subsets") or ():
        for port in subset.get("ports") or ():
            if port.get("name", "") == port_name:
                found += [(str(address["ip"]), int(port["port"])) for address in subset.get("addresses") or ()]
    return found


def _because(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = who_listens(port)
        return f"{holder or 'another program'} has that port on all addresses; stop it or change the Service's port"
    return str(error.strerror or error)
