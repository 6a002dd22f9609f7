"""When to try again after something that should answer didn't."""

from __future__ import annotations

import time
from typing import Final

FIRST_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 0.5
"""Short, so that a service is back within half a second of what it needs."""


class Backoff:
    """Waits that double with each failure, up to half a second."""

    def __init__(self) -> None:
        self.reason = ""
        """What the last failure said."""
        self._wait = 0.0
        self._until = 0.0

    @property
    def remaining(self) -> float:
        """Seconds until the next attempt is due; zero when it is."""
        return max(0.0, self._until - time.monotonic())

    def failed(self, reason: str) -> None:
        """Note a failure."""
        self.reason = reason
        self._wait = min(LONGEST_SECONDS, self._wait * 2 or FIRST_SECONDS)
        self._until = time.monotonic() + self._wait

    def succeeded(self) -> None:
        """Note a success: the next failure starts over."""
        self._wait = self._until = 0.0
