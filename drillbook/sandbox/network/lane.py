"""One direction of a connection on a disturbed way: a queue of bytes, each with the time at which it arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from drillbook.sandbox.network.treatment import Treatment

MOST_QUEUED: Final = 256 * 1024
"""Bytes under way, after which the sender is held back: a full send window."""


class Lane:
    """Takes bytes, and delivers them in their order when they are due."""

    def __init__(
        self,
        treatment: Treatment,
        deliver: Callable[[bytes], None],
        end: Callable[[], None],
        hold_sender: Callable[[bool], None],
    ) -> None:
        """``hold_sender(True)`` asks for no more bytes until ``hold_sender(False)``."""
        self.treatment = treatment
        self._deliver, self._end, self._hold_sender = deliver, end, hold_sender
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._queued = 0
        self._holding = False
        self._latest = 0.0
        self._draws: dict[int, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def idle(self) -> bool:
        """Nothing is under way and nothing disturbs: the lane can be done without."""
        return not self._queue and not self.treatment.shapes

    def take(self, data: bytes) -> None:
        """Bytes from the sender."""
        now = asyncio.get_running_loop().time()
        size = min((bucket.piece for bucket in self.treatment.buckets), default=len(data) or 1)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._put(self._due(len(piece), now), piece)
        self._run()

    def take_end(self) -> None:
        """The sender has no more."""
        self._put(self._due(0, asyncio.get_running_loop().time()), None)
        self._run()

    def treat(self, treatment: Treatment) -> None:
        """Another treatment from now on; once nothing holds the bytes any more, all of them arrive."""
        self.treatment = treatment
        if not treatment.delays and not treatment.buckets:
            self._queue = deque((0.0, data) for _, data in self._queue)
            self._latest = 0.0
        self._run()

    def close(self) -> None:
        """The connection is gone."""
        self._closed = True
        self._queue.clear()
        self._stop_timer()

    def _due(self, size: int, now: float) -> float:
        at = now
        for i, delay in enumerate(self.treatment.delays):
            seconds, self._draws[i] = delay.sample(self._draws.get(i, 0.0))
            at += seconds
        for bucket in self.treatment.buckets:
            at = bucket.reserve(size, at)
        # TCP puts back in order what a jitter mixes up.
        self._latest = max(self._latest, at)
        return self._latest

    def _put(self, due: float, data: bytes | None) -> None:
        self._queue.append((due, data))
        self._queued += len(data or b"")
        if self._queued > MOST_QUEUED and not self._holding:
            self._holding = True
            self._hold_sender(True)

    def _run(self) -> None:
        """Deliver what is due, and come back for the rest."""
        self._stop_timer()
        if self.treatment.blocked:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._queue and self._queue[0][0] <= now and not self._closed:
            _, data = self._queue.popleft()
            if data is None:
                self._end()
            else:
                self._queued -= len(data)
                self._deliver(data)
        if self._holding and self._queued <= MOST_QUEUED // 2:
            self._holding = False
            self._hold_sender(False)
        if self._queue and not self._closed:
            self._timer = loop.call_at(self._queue[0][0], self._run)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
