"""One event loop on a thread of its own: the watch goes on there, evenly, whatever the drill waits for meanwhile.

The main thread stays plain and interruptible: ``run`` waits there for one coroutine, and Ctrl-C cancels it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

STOP_SECONDS = 5.0


class Background:
    """A running event loop; use it as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="drillbook-background", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the result of ``work``; whatever interrupts the waiting cancels it."""
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def start[T](self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let ``work`` go on by itself."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), STOP_SECONDS)
