"""How long an event loop stood still: what it could have read meanwhile, it reads late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

BEAT: Final = 0.02
"""Seconds between two beats; standing still is seen to within it."""


class Standstill:
    """Counts by how much each beat comes late. Use ``watched``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._total = 0.0
        self._due = self._loop.time() + BEAT

    @property
    def seconds(self) -> float:
        """So far, that of this very moment included: the difference of two readings is what lay between them."""
        return self._total + max(0.0, self._loop.time() - self._due)

    async def beat(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(max(0.0, self._due - self._loop.time()))
            now = self._loop.time()
            self._total += max(0.0, now - self._due)
            self._due = now + BEAT


@asynccontextmanager
async def watched() -> AsyncIterator[Standstill]:
    """A count of this loop's standing still, for as long as the body lasts."""
    still = Standstill()
    beating = asyncio.create_task(still.beat())
    try:
        yield still
    finally:
        beating.cancel()
