"""The worker: takes tasks from the queue, executes each at least once, and puts back what the dead left behind."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from drillbook.sandbox.refapp import log, metrics
from drillbook.sandbox.refapp.backend import tell_of_pool
from drillbook.sandbox.refapp.cache import Cache, CacheUnavailable
from drillbook.sandbox.refapp.database import Database, DatabaseUnavailable
from drillbook.sandbox.refapp.service import Service
from drillbook.sandbox.refapp.settings import Settings
from drillbook.sandbox.refapp.tasks import ALIVE, PROCESSING, QUEUE

ALIVE_SECONDS: Final = 5
"""How long a worker that says nothing counts as alive."""
HEARTBEAT_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 1
RETRY_SECONDS: Final = 0.2


class Worker:
    """One task at a time."""

    def __init__(self, name: str, service: Service, database: Database, queue: Cache, cache: Cache) -> None:
        """``queue`` waits for tasks, which keeps its connection busy; ``cache`` is for everything else."""
        self._name = name
        self._stopping = service.stopping
        self._database, self._queue, self._cache = database, queue, cache
        self._executed = service.metrics.add(metrics.Counter("tasks_executed_total", "Tasks executed."))

    async def work(self) -> None:
        """Execute tasks until told to stop."""
        own = f"{PROCESSING}{self._name}"
        while not self._stopping.is_set():
            try:
                # What an earlier life of this worker began comes first.
                task = await self._queue.ask("LINDEX", own, "-1") or await self._queue.ask(
                    "BLMOVE", QUEUE, own, "RIGHT", "LEFT", WAIT_SECONDS, seconds=WAIT_SECONDS + 2
                )
                if isinstance(task, bytes):
                    await self._execute(task)
                    await self._queue.ask("LREM", own, 1, task)
            except (CacheUnavailable, DatabaseUnavailable) as error:
                log.warning("a task has to wait", reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def beat(self) -> None:
        """Say that this worker lives, and look after the tasks of those that don't, until told to stop."""
        while not self._stopping.is_set():
            try:
                await self._cache.ask("SET", f"{ALIVE}{self._name}", "1", "EX", ALIVE_SECONDS)
                await self._put_back()
            except CacheUnavailable as error:
                log.warning("nobody hears that this worker lives", reason=str(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def leave(self) -> None:
        """Say that this worker is gone, and put back what it didn't finish."""
        try:
            await self._cache.ask("DEL", f"{ALIVE}{self._name}")
            await self._put_back()
        except CacheUnavailable as error:
            log.warning("the queue was not told of the end", reason=str(error))

    async def _execute(self, task: bytes) -> None:
        try:
            document = json.loads(task)
            values = (document["id"], document["key"], self._name)
        except (ValueError, KeyError, TypeError):
            log.error("a task that can't be read was dropped", bytes=len(task))
            return
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute("INSERT INTO tasks (task_id, key, worker) VALUES (%s, %s, %s)", values)
        self._executed.inc()
        log.info("task executed", key=document["key"])

    async def _put_back(self) -> None:
        for name in await names(self._cache, PROCESSING):
            if await self._cache.ask("EXISTS", f"{ALIVE}{name}"):
                continue
            while await self._cache.ask("LMOVE", f"{PROCESSING}{name}", QUEUE, "RIGHT", "RIGHT"):
                log.warning("a task was put back", worker=name)


async def names(cache: Cache, prefix: str) -> list[str]:
    """What follows the prefix in the keys that have it."""
    found: set[str] = set()
    cursor = b"0"
    while True:
        page = await cache.ask("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", 1000)
        assert isinstance(page, list)
        following, keys = page
        assert isinstance(following, bytes)
        assert isinstance(keys, list)
        found.update(key.decode()[len(prefix) :] for key in keys if isinstance(key, bytes))
        if following == b"0":
            return sorted(found)
        cursor = following


async def run(settings: Settings) -> None:
    """Work until told to stop."""
    database, queue, cache = Database(settings.database, settings.pod), Cache(settings.cache), Cache(settings.cache)
    service = Service(settings, {"database": database.ping, "cache": cache.ping}, database)
    tell_of_pool(service, database)
    worker = Worker(settings.pod, service, database, queue, cache)
    async with asyncio.TaskGroup() as together:
        together.create_task(service.run(started=database.load_driver))
        together.create_task(worker.work())
        together.create_task(worker.beat())
    await worker.leave()
    await database.close()
