"""Tasks: put into a queue by the API, executed at least once by a worker, each execution a row.

A worker moves a task into a list of its own before it starts, and takes it out of there after the row is committed. So
the task of a worker that died is still there, and whoever lives puts it back.
"""

from __future__ import annotations

import json
import uuid
from typing import Final

from drillbook.sandbox.refapp.cache import Cache
from drillbook.sandbox.refapp.database import Database
from drillbook.sandbox.refapp.http import HttpError, Request, Response, answer
from drillbook.sandbox.refapp.orders import LONGEST_KEY, clean, text

QUEUE: Final = "queue:tasks"
PROCESSING: Final = "queue:tasks:processing:"
ALIVE: Final = "worker:"
"""Prefix of the keys that workers renew while they live."""


class Tasks:
    """The routes below /tasks."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    async def create(self, request: Request) -> Response:
        """202 once the task is in the queue."""
        key = text(request.json_object(), "key", LONGEST_KEY)
        task = {"id": str(uuid.uuid4()), "key": key}
        await self._cache.ask("LPUSH", QUEUE, json.dumps(task))
        return answer(202, task)

    async def read(self, request: Request) -> Response:
        """How often a task was executed; 404 while it wasn't."""
        key = clean(request.parameters["key"], "key")
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT count(*), count(DISTINCT task_id) FROM tasks WHERE key = %s", (key,)
            )
            row = await cursor.fetchone()
        if row is None or not row[0]:
            raise HttpError(404, f"no task {key!r} was executed")
        return answer(200, {"key": key, "executions": row[0], "tasks": row[1]})
