"""A small web server on loopback in a process of its own: to be stopped for a known time, or written to at full speed.

``python -m bench.loopback`` prints its port and answers everything with 200 until it is killed.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loopback:
    """Where it listens, and its process."""

    port: int
    pid: int


@contextmanager
def serving() -> Iterator[Loopback]:
    """One that listens; killed at the end, also while it is stopped."""
    process = subprocess.Popen([sys.executable, "-m", "bench.loopback"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Loopback(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def _serve() -> None:
    from aiohttp import web

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(text="ok")

    server = await asyncio.get_running_loop().create_server(web.Server(answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
