"""A TCP balancer for one port of a Service: accepts, picks the next ready pod, and passes bytes both ways.

Written as protocols, so that a connection costs two callbacks and no task. A side that can't take more stops the other
from reading; an end of stream is passed on by itself; a reset is passed on as a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Final, cast

type Address = tuple[str, int]

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_HIGH_WATER: Final = 256 * 1024
_BACKLOG: Final = 512


class PortBalancer:
    """Listens on one address while there are endpoints; with none, connections are refused as by a real Service."""

    def __init__(self, listen: Address) -> None:
        self.listen = listen
        self._endpoints: tuple[Address, ...] = ()
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._open: set[_Client] = set()

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
            client.reset()

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


class _Side(asyncio.Protocol):
    """One end of a passed-through connection."""

    transport: asyncio.Transport | None = None
    other: _Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True  # this side may still send

    def pause_writing(self) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        other, self.other = self.other, None
        if other is None:
            return
        other.other = None
        if error is None and other.transport is not None:
            other.transport.close()
        else:
            other.reset()

    def reset(self) -> None:
        """Close so that the peer sees a reset and not an ordinary end."""
        if self.transport is None or self.transport.is_closing():
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):  # the peer was faster
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class _Client(_Side):
    """The side that connected to the Service."""

    def __init__(self, balancer: PortBalancer) -> None:
        self._balancer = balancer
        self._dial: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._ended_early = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._balancer.opened(self)
        self._dial = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.other is None and self._dial and not self._dial.done():
            self._early.append(data)
            if self.transport:
                self.transport.pause_reading()
        else:
            super().data_received(data)

    def eof_received(self) -> bool:
        self._ended_early = self.other is None
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._balancer.closed(self)
        if self._dial is not None and not self._dial.done():
            self._dial.cancel()
        super().connection_lost(error)

    async def _connect(self) -> None:
        """Try each endpoint once: nothing was sent yet, so another one may serve as well."""
        loop = asyncio.get_running_loop()
        for host, port in self._balancer.next_endpoints():
            try:
                _, pod = await loop.create_connection(_Side, host, port)
            except OSError:
                continue
            if self.transport is None or self.transport.is_closing():
                pod.reset()
                return
            self._join(pod)
            return
        self.reset()

    def _join(self, pod: _Side) -> None:
        """From now on bytes pass; those that came before the pod was there go first."""
        self.other, pod.other = pod, self
        for data in self._early:
            super().data_received(data)
        if self._early and self.transport:
            self.transport.resume_reading()
        self._early.clear()
        if self._ended_early:
            super().eof_received()
