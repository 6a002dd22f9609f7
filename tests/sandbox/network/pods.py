"""Two pods on loopback and what stands between them: this process is the one, a server of it the other."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvloop

from drillbook.sandbox.kinds import NAMESPACE, POD, Object
from drillbook.sandbox.network.balancer import PortBalancer
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.injection import Injection, Limit, Way
from drillbook.sandbox.network.treatment import FREE, Treatment
from drillbook.sandbox.store import Store

CLIENT, SERVER = "client-uid", "server-uid"
PORT = 7000
_HOSTS = itertools.count(1)


def address() -> str:
    """A loopback address that nobody else has."""
    return f"127.{40 + os.getpid() % 10}.{os.getpid() % 250}.{next(_HOSTS) % 250 + 1}"


def pod(name: str, uid: str, ip: str, labels: dict[str, str] | None = None, namespace: str = "shop") -> Object:
    """A running pod."""
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": uid, "labels": labels or {"app": name}},
        "spec": {"containers": [{"name": "main", "ports": [{"name": "web", "containerPort": PORT}]}]},
        "status": {"podIP": ip, "phase": "Running"},
    }


class Line:
    """A Service in front of an echo server, its guard, and the two pods at its ends."""

    def __init__(self, guard: Guard, balancer: PortBalancer, server: tuple[str, int]) -> None:
        self.guard, self.balancer, self.server = guard, balancer, server

    def inject(self, treatment: Treatment = FREE, *, limit: Limit | None = None, back: bool = False) -> None:
        """A fault on what the client sends; with ``back``, on what the server sends."""
        sender, receiver = (SERVER, CLIENT) if back else (CLIENT, SERVER)
        way = Way(frozenset({sender}), frozenset({receiver}))
        self.guard.inject(f"fault of {sender}", Injection((way,), treatment, limit))

    def recover(self) -> None:
        for sender in (CLIENT, SERVER):
            self.guard.recover(f"fault of {sender}")

    async def open(self) -> Caller:
        """A connection through the Service."""
        return Caller(*await asyncio.open_connection(*self.balancer.listen))

    async def open_past_it(self) -> Caller:
        """A connection straight to the pod."""
        return Caller(*await asyncio.open_connection(*self.server))


class Caller:
    """The client's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes = b"x", seconds: float = 10.0) -> float:
        """Have something echoed; returns how long it took. TimeoutError after ``seconds``."""
        began = time.monotonic()  # the loop's own clock ticks in milliseconds
        self.writer.write(data)
        async with asyncio.timeout(seconds):
            assert await self.reader.readexactly(len(data)) == data
        return time.monotonic() - began


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    """Everything up; ended afterwards."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    store = Store()
    store.create(NAMESPACE, {"metadata": {"name": "shop", "labels": {"team": "shop"}}})
    host = address()
    store.create(POD, pod("client", CLIENT, address()))
    store.create(POD, pod("server", SERVER, host))
    server = await asyncio.start_server(echo, host, PORT)
    guard = Guard(store, lambda: {CLIENT: [os.getpid()]})
    balancer = PortBalancer((address(), 7001), guard)
    await balancer.use([(host, PORT)])
    try:
        yield Line(guard, balancer, (host, PORT))
    finally:
        balancer.close()
        server.close()


def on_line(test: Callable[[Line], Awaitable[None]]) -> Callable[[], None]:
    """Run an async test on a line of its own."""

    @functools.wraps(test)
    def run() -> None:
        async def main() -> None:
            async with asyncio.timeout(30), line() as made:
                await test(made)

        uvloop.run(main())

    del run.__wrapped__  # pytest would ask for the inner function's arguments
    return run
