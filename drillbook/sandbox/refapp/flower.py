"""The queue monitor: how long the queue is, and which workers live."""

from __future__ import annotations

from html import escape
from typing import Final

from drillbook.sandbox.refapp.cache import Cache
from drillbook.sandbox.refapp.http import Request, Response, answer, page
from drillbook.sandbox.refapp.service import Service
from drillbook.sandbox.refapp.settings import Settings
from drillbook.sandbox.refapp.tasks import ALIVE, PROCESSING, QUEUE
from drillbook.sandbox.refapp.worker import names

PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Queue</title>
<h1>Queue</h1>
<p>{waiting} waiting, {running} being worked on.</p>
<ul>{workers}</ul>
</html>
"""


class Monitor:
    """Looks at the queue anew for each request."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def home(self, request: Request) -> Response:
        """The page for people."""
        workers = "".join(f"<li>{escape(name)}</li>" for name in await names(self._cache, ALIVE))
        counts = await self._counts()
        return page(PAGE.format(waiting=counts["waiting"], running=counts["running"], workers=workers))

    async def workers(self, request: Request) -> Response:
        """The workers that live."""
        return answer(200, {name: {"status": True} for name in await names(self._cache, ALIVE)})

    async def queues(self, request: Request) -> Response:
        """How many tasks wait, and how many are being worked on."""
        return answer(200, {"active_queues": [{"name": QUEUE, **await self._counts()}]})

    async def _counts(self) -> dict[str, object]:
        running = [
            await self._cache.ask("LLEN", f"{PROCESSING}{name}") for name in await names(self._cache, PROCESSING)
        ]
        return {
            "waiting": await self._cache.ask("LLEN", QUEUE),
            "running": sum(count for count in running if isinstance(count, int)),
        }


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    cache = Cache(settings.cache)
    service, monitor = Service(settings, {"cache": cache.ping}), Monitor(cache)
    service.route("GET", "/", monitor.home)
    service.route("GET", "/api/workers", monitor.workers)
    service.route("GET", "/api/queues/length", monitor.queues)
    await service.run()
    cache.close()
