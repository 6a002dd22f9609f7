"""The API: orders in the database, tasks in the queue, and, where there is a provider, completions."""

from __future__ import annotations

import asyncio

from drillbook.sandbox.refapp import metrics
from drillbook.sandbox.refapp.cache import Cache
from drillbook.sandbox.refapp.completions import Completions
from drillbook.sandbox.refapp.database import Database
from drillbook.sandbox.refapp.http import Request, Response, answer
from drillbook.sandbox.refapp.orders import Orders
from drillbook.sandbox.refapp.service import Service
from drillbook.sandbox.refapp.settings import Settings
from drillbook.sandbox.refapp.tasks import Tasks


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    database, cache = Database(settings.database, settings.pod), Cache(settings.cache)
    service = Service(settings, {"database": database.ping, "cache": cache.ping}, database)
    orders, tasks = Orders(database), Tasks(database, cache)

    async def about(_: Request) -> Response:
        return answer(200, {"service": settings.role, "version": settings.version})

    service.route("GET", "/", about)
    service.route("POST", "/orders", orders.create)
    service.route("GET", "/orders", orders.some)
    service.route("GET", "/orders/{key}", orders.read)
    service.route("POST", "/tasks", tasks.create)
    service.route("GET", "/tasks/{key}", tasks.read)
    if settings.provider:
        service.route("POST", "/completions", Completions(settings.provider, cache, service.metrics).create)
    tell_of_pool(service, database)
    # A service migrates when it starts, not with its first request.
    migrating = asyncio.create_task(database.until_there())
    await service.run(started=database.load_driver)
    migrating.cancel()
    await database.close()
    cache.close()


def tell_of_pool(service: Service, database: Database) -> None:
    """The pool's metrics."""
    size = database.settings.pool_size
    service.metrics.add(metrics.Gauge("database_pool_size", "Connections that may be in use.", lambda: float(size)))
    service.metrics.add(
        metrics.Gauge("database_pool_in_use", "Connections in use.", lambda: float(database.in_use)),
    )
    service.metrics.add(
        metrics.Gauge("database_connections_open", "Connections open.", lambda: float(database.open_connections)),
    )
