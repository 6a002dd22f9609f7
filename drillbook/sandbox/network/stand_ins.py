"""Addresses of the balancer that stand in for pods: who reaches a pod directly comes through here while a rule holds.

The ingress asks for pods and not for Services, and so does whoever uses a Service without an address of its own. While
something stands before a pod, the names that both go by lead to its stand-in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.kinds import ENDPOINTS, POD, Object
from drillbook.sandbox.network.balancer import PortBalancer
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.sockets import Address
from drillbook.sandbox.store import Change

SHIFT: Final = 200
"""The stand-in of 127.N.1.7 is 127.N.201.7."""
LINGER: Final = 2.0
"""Seconds for which a stand-in listens when it isn't needed any more: somebody may just have asked for the name."""
_ALL: Final = ("", "all")


class StandIns(Controller):
    """Keeps a balancer in place of each pod that a rule concerns, on each of its ports."""

    name = "stand-ins"
    watches = (POD, ENDPOINTS)

    def __init__(self, cluster: Cluster, guard: Guard, on_change: Callable[[], None]) -> None:
        """``on_change`` is called when names lead elsewhere than before."""
        super().__init__(cluster)
        self._guard, self._on_change = guard, on_change
        self._listening: dict[Address, PortBalancer] = {}
        self._leaving: dict[Address, float] = {}
        guard.on_change(lambda: self.queue.add(_ALL))

    def keys(self, change: Change) -> Iterable[Key]:
        return [_ALL] if self._guard.active or self._listening else []

    async def reconcile(self, key: Key) -> None:
        wanted = {(ip, port) for ip, pod in self._guard.concerned().items() for port in self._ports(ip, pod)}
        for place in wanted:
            self._leaving.pop(place, None)
            await self._listen(place)
        stand_ins = {ip: stand_in(ip) for ip, _ in wanted if all(p in self._listening for p in wanted if p[0] == ip)}
        if stand_ins != self.cluster.stand_ins:
            self.cluster.stand_ins.clear()
            self.cluster.stand_ins.update(stand_ins)
            self._on_change()
        await self._leave(wanted)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            for balancer in self._listening.values():
                balancer.close()

    async def _listen(self, place: Address) -> None:
        if place in self._listening:
            return
        balancer = PortBalancer((stand_in(place[0]), place[1]), self._guard)
        try:
            await balancer.use([place])
        except OSError as error:
            log.warning("nobody can stand in for %s:%d: %s", *place, error)
            return
        self._listening[place] = balancer

    async def _leave(self, wanted: set[Address]) -> None:
        now = asyncio.get_running_loop().time()
        for place in [place for place in self._listening if place not in wanted]:
            until = self._leaving.setdefault(place, now + LINGER)
            if now >= until:
                del self._leaving[place]
                # Those that are connected stay so: the connection's end keeps the balancer alive.
                await self._listening.pop(place).use([])
            else:
                self.queue.add_after(_ALL, until - now)

    def _ports(self, ip: str, pod: Object) -> set[int]:
        """Where the pod may be asked: the ports that it declares, and those that Services lead to."""
        found = {
            int(port["containerPort"])
            for container in pod["spec"]["containers"]
            for port in container.get("ports") or ()
            if port.get("protocol", "TCP") == "TCP"
        }
        for endpoints in self.store.list(ENDPOINTS, pod["metadata"]["namespace"]):
            for subset in endpoints.get("subsets") or ():
                addresses = [*(subset.get("addresses") or ()), *(subset.get("notReadyAddresses") or ())]
                if any(address["ip"] == ip for address in addresses):
                    found |= {int(port["port"]) for port in subset.get("ports") or () if _is_tcp(port)}
        return found


def stand_in(address: str) -> str:
    """The address that stands in for a pod's."""
    first, second, node, host = address.split(".")
    return f"{first}.{second}.{int(node) + SHIFT}.{host}"


def _is_tcp(port: Object) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")
