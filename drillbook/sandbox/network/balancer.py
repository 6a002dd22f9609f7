"""A TCP balancer for one port of a Service: accepts, picks the next ready pod, and passes bytes both ways.

Written as protocols, so that a connection costs two callbacks and no task. A side that can't take more stops the other
from reading; an end of stream is passed on by itself; a reset is passed on as a reset. Where a guard says that
something stands between two pods, the connection feels it, from its first packet on or from the moment it begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import Final

from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.side import Side
from drillbook.sandbox.network.sockets import Address, inode_of
from drillbook.sandbox.network.treatment import FREE, Treatment

_BACKLOG: Final = 512
_MOST_EARLY: Final = 64 * 1024


class PortBalancer:
    """Listens on one address while there are endpoints; with none, connections are refused as by a real Service."""

    def __init__(self, listen: Address, guard: Guard | None = None) -> None:
        self.listen = listen
        self.guard = guard
        self._endpoints: tuple[Address, ...] = ()
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._open: set[_Client] = set()
        if guard is not None:
            guard.watch(self)

    async def use(self, endpoints: Sequence[Address]) -> None:
        """Balance over these from now on; connections that are open stay. Raises OSError when the bind fails."""
        self._endpoints = tuple(endpoints)
        if self._endpoints and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Client(self), *self.listen, backlog=_BACKLOG)
        elif not self._endpoints:
            self._stop_listening()

    def close(self) -> None:
        """Stop listening and reset every connection."""
        self._endpoints = ()
        self._stop_listening()
        for client in list(self._open):
            client.reset_both()

    def judge_again(self) -> None:
        """The rules have changed: they hold for open connections, too."""
        for client in list(self._open):
            client.judge()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def next_endpoints(self) -> list[Address]:
        """All endpoints, the one whose turn it is first."""
        if not self._endpoints:
            return []
        self._turn = (self._turn + 1) % len(self._endpoints)
        return [*self._endpoints[self._turn :], *self._endpoints[: self._turn]]

    def opened(self, client: _Client) -> None:
        self._open.add(client)

    def closed(self, client: _Client) -> None:
        self._open.discard(client)


class _Client(Side):
    """The side that connected to the Service."""

    def __init__(self, balancer: PortBalancer) -> None:
        super().__init__()
        self._balancer = balancer
        self._dial: asyncio.Task[None] | None = None
        self._endpoint: Address | None = None
        self._source: str | None = None
        self._lots: dict[str, bool] = {}
        self._early: list[bytes] = []
        self._ended_early = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._balancer.opened(self)
        self._dial = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.other is None and self._dial and not self._dial.done():
            self._early.append(data)
            if sum(map(len, self._early)) > _MOST_EARLY:
                self.hold("there is no pod yet")
        else:
            super().data_received(data)

    def eof_received(self) -> bool:
        if self.other is not None:
            return super().eof_received()
        self._ended_early = True
        return not self._is_abandoned()

    def connection_lost(self, error: Exception | None) -> None:
        self._balancer.closed(self)
        if self._dial is not None and not self._dial.done():
            self._dial.cancel()
        super().connection_lost(error)

    def judge(self) -> None:
        """Have both ways treated as the rules say now."""
        if self._endpoint is None or self.other is None:
            return  # a connection that is being made asks by itself
        forth, back = self._ways(self._endpoint)
        if self._draws_reset(forth) or self._draws_reset(back):
            self.reset_both()
            return
        with contextlib.suppress(OSError):  # the connection has just ended
            self.treat(forth)
            self.other.treat(back)

    async def _connect(self) -> None:
        """Try each endpoint once: nothing was sent yet, so another one may serve as well."""
        loop = asyncio.get_running_loop()
        for endpoint in self._balancer.next_endpoints():
            if self._balancer.guard is not None and self._balancer.guard.active:
                await self._travel(endpoint, self._balancer.guard)
            try:
                _, pod = await loop.create_connection(Side, *endpoint)
            except OSError:
                continue
            if self.transport is None or self.transport.is_closing():
                pod.reset()
                return
            self._join(pod, endpoint)
            return
        self.reset()

    async def _travel(self, endpoint: Address, guard: Guard) -> None:
        """The handshake: a blocked way swallows it, a slow one makes it last until a packet has gone there and back."""
        forth, back = self._ways(endpoint)
        while forth.blocked or back.blocked:
            await guard.change()
            forth, back = self._ways(endpoint)
        await asyncio.sleep(forth.latency_seconds + back.latency_seconds)

    def _join(self, pod: Side, endpoint: Address) -> None:
        """From now on bytes pass; those that came before the pod was there go first."""
        self.other, pod.other = pod, self
        self._endpoint = endpoint
        if self._balancer.guard is not None and self._balancer.guard.active:
            self.judge()
        for data in self._early:
            super().data_received(data)
        self._early.clear()
        self.release("there is no pod yet")
        if self._ended_early:
            super().eof_received()

    def _ways(self, endpoint: Address) -> tuple[Treatment, Treatment]:
        guard = self._balancer.guard
        if guard is None or self.transport is None or not guard.active:
            return FREE, FREE
        if self._source is None:
            self._source = guard.pod_of(*self._addresses())
        return guard.ways(self._source, endpoint)

    def _draws_reset(self, treatment: Treatment) -> bool:
        """Each connection draws its lot once per cause."""
        return any(self._lots.setdefault(one.cause, random.random() < one.ratio) for one in treatment.resets)

    def _is_abandoned(self) -> bool:
        """Whether the client has closed its socket, and not only ended its half: nobody waits for a pod any more."""
        return self.transport is not None and inode_of(*self._addresses()) is None

    def _addresses(self) -> tuple[Address, Address]:
        """The client's own address and ours."""
        assert self.transport is not None
        peer, own = self.transport.get_extra_info("peername"), self.transport.get_extra_info("sockname")
        return (str(peer[0]), int(peer[1])), (str(own[0]), int(own[1]))
