"""Puts the application on a listening socket."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from aiohttp import web

_SHUTDOWN: Final = 0.5


async def serve(app: web.Application, listener: socket.socket, tls: ssl.SSLContext) -> web.AppRunner:
    """Serve ``app`` on a bound socket until the runner's ``cleanup``.

    A handler ends when its client leaves: a watch that nobody reads, or an exec that nobody waits for, does not stay.
    """
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=tls).start()
    return runner
