"""``python -m bench.fleet.endpoints COUNT PORT``: so many HTTP endpoints on loopback, each answering after 50 ms.

Each has an address of its own (127.77.0.1, ...) and the same port. Written on bare protocols, so that what is measured
is who asks, and not who answers.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence

DELAY = 0.05
"""Seconds until an answer."""
_BODY = b'{"status": "ok"}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


def addresses(count: int) -> Sequence[str]:
    """The endpoints' addresses."""
    return [f"127.77.{number // 250}.{number % 250 + 1}" for number in range(count)]


class Endpoint(asyncio.Protocol):
    """One connection: a request ends with an empty line, and its answer follows after DELAY."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n\r\n")):
            asyncio.get_running_loop().call_later(DELAY, self.answer)

    def answer(self) -> None:
        if isinstance(self.transport, asyncio.Transport) and not self.transport.is_closing():
            self.transport.write(_ANSWER)


async def serve(count: int, port: int) -> None:
    """Listen until killed; says ``ready`` when all do."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(Endpoint, address, port, backlog=socket.SOMAXCONN) for address in addresses(count)
    ]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
