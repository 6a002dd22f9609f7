"""What every role has in common: routes, metrics, logs, health, misbehaviour, and an orderly end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from drillbook.sandbox.refapp import control, log, metrics
from drillbook.sandbox.refapp.cache import CacheUnavailable
from drillbook.sandbox.refapp.database import Database, DatabaseUnavailable
from drillbook.sandbox.refapp.http import Handler, HttpError, Request, Response, Routes, answer
from drillbook.sandbox.refapp.misbehaviour import Misbehaviour
from drillbook.sandbox.refapp.server import Server
from drillbook.sandbox.refapp.settings import Settings

QUIET: Final = frozenset({"/health", "/ready", "/metrics"})
"""Asked by machines, every second: left out of the log unless they fail, and never told to misbehave."""

HEALTH_SECONDS: Final = 1.0
FINISH_SECONDS: Final = 20.0

type Ping = Callable[[float], Awaitable[None]]


class Service:
    """One process: add routes, then ``run``."""

    def __init__(self, settings: Settings, needs: Mapping[str, Ping], database: Database | None = None) -> None:
        """``needs``: what /health asks, by name; a ping takes seconds and raises when there is no answer in time."""
        self.settings = settings
        self.routes = Routes()
        self.metrics = metrics.Registry()
        self.stopping = asyncio.Event()
        self._needs = needs
        self._quiet = QUIET | {alias for alias, path in settings.aliases.items() if path in QUIET}
        self._misbehaviour = Misbehaviour(database)
        self._server = Server(self._answer)
        labels = ("method", "path", "status")
        self._requests = self.metrics.add(metrics.Counter("http_requests_total", "Requests answered.", labels))
        self._seconds = self.metrics.add(
            metrics.Histogram("http_request_duration_seconds", "Time to answer a request.", labels[:2])
        )
        self.route("GET", "/health", self._health)
        self.route("GET", "/ready", self._ready)
        self.route("GET", "/metrics", self._metrics)

    def route(self, method: str, template: str, handler: Handler) -> None:
        """Let ``handler`` answer there, and under the aliases of that path."""
        self.routes.add(method, template, handler)
        for alias, path in self.settings.aliases.items():
            if path == template:
                self.routes.add(method, alias, handler)

    async def run(self, *, started: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGTERM or SIGINT. ``started`` is called once the port is open. OSError where it is taken."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        where = self.settings
        await self._server.listen(where.address, where.port)
        if where.metrics_port:
            await self._server.listen(where.address, where.metrics_port)
        if where.control:
            await control.listen(where.control, self._misbehaviour)
        log.info("started", role=where.role, version=where.version, address=f"{where.address}:{where.port}")
        started()
        await self.stopping.wait()
        log.info("stopping")
        # Those who send requests here hear of the end a moment later than this process does.
        self._server.closing = True
        await asyncio.sleep(where.drain_seconds)
        await self._server.finish(FINISH_SECONDS)
        self._misbehaviour.stop()
        log.info("stopped")

    async def _answer(self, request: Request) -> Response:
        began = time.perf_counter()
        response = await self._respond(request)
        took = time.perf_counter() - began
        # A method is a label only if it is one that a client may make up no more of.
        method = request.method if request.method in METHODS else "other"
        self._requests.inc(method, request.route, str(response.status))
        self._seconds.observe(took, method, request.route)
        if request.path not in self._quiet or response.status >= 400:
            write = log.error if response.status >= 500 else log.info
            facts = {"method": request.method, "path": request.path, "status": response.status}
            write("request", **facts, seconds=round(took, 6))
        return response

    async def _respond(self, request: Request) -> Response:
        try:
            handler = self.routes.find(request)
            if request.route not in self._quiet:
                await self._misbehaviour.before_answer()
            return await handler(request)
        except HttpError as error:
            return answer(error.status, {"error": error.sentence}, error.headers)
        except (DatabaseUnavailable, CacheUnavailable) as error:
            return answer(503, {"error": str(error)}, {"Retry-After": "1"})
        except Exception as error:
            # The last resort of a server: one request's defect must not become everybody's.
            log.error("a handler failed", path=request.path, kind=type(error).__name__, reason=str(error))
            return answer(500, {"error": "internal error"})

    async def _health(self, request: Request) -> Response:
        answers = await asyncio.gather(*(ping(HEALTH_SECONDS) for ping in self._needs.values()), return_exceptions=True)
        parts: dict[str, str] = {}
        for name, reason in zip(self._needs, answers, strict=True):
            if isinstance(reason, BaseException) and not isinstance(reason, DatabaseUnavailable | CacheUnavailable):
                raise reason
            parts[name] = f"unavailable: {reason}" if reason else "ok"
        well = all(state == "ok" for state in parts.values())
        document = {"status": self.settings.healthy if well else "unhealthy", **parts, "version": self.settings.version}
        return answer(200 if well else 503, document)

    async def _ready(self, request: Request) -> Response:
        if self.stopping.is_set():
            return answer(503, {"status": "stopping"})
        return answer(200, {"status": "ready"})

    async def _metrics(self, request: Request) -> Response:
        return Response(200, self.metrics.text().encode(), metrics.CONTENT_TYPE)


METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
