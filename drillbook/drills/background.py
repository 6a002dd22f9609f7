"""One event loop on a thread of its own: the watch goes on there, evenly, whatever the drill waits for meanwhile.

The main thread stays plain and interruptible: ``run`` waits there for one coroutine, and Ctrl-C cancels it. The two
threads share no lock that is taken in Python: an interrupt could come just after it was taken, leave it taken for good,
and stop the loop for ever. That rules out ``concurrent.futures`` between them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

STOP_SECONDS = 5.0


class Errand[T]:
    """One coroutine on the loop, as the main thread sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        self._loop, self._work = loop, work
        self._task: asyncio.Task[T] | None = None
        self._ended = False
        # Written in C, safe to be interrupted in and to be used again after that.
        self._bell: SimpleQueue[None] = SimpleQueue()
        loop.call_soon_threadsafe(self._begin)

    def done(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self._ended

    def result(self) -> T:
        """Wait for its end. Raises what it raised, CancelledError where it was cancelled."""
        while not self._ended or self._task is None:
            self._bell.get()
        return self._task.result()

    def cancel(self) -> None:
        """Ask it to end; doesn't wait."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._work)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            # Looked at here, so that asyncio doesn't complain of an error that nobody asks for.
            task.exception()
        self._ended = True
        self._bell.put(None)


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
        errand = self.start(work)
        try:
            return errand.result()
        except BaseException:
            errand.cancel()
            raise

    def start[T](self, work: Coroutine[Any, Any, T]) -> Errand[T]:
        """Let ``work`` go on by itself."""
        return Errand(self._loop, work)

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
