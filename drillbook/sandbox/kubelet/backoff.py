"""How long to wait before trying again: at once the first time, then 10 s, doubling up to 5 minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST: Final = 10.0
LONGEST: Final = 300.0
FORGOTTEN_AFTER: Final = 600.0
"""A container that ran this long has its slate wiped clean."""


@dataclass
class BackOff:
    """The waits of one container."""

    failures: int = 0

    def failed(self, ran_seconds: float) -> float:
        """Note a failure after so many seconds; returns how long to wait now."""
        if ran_seconds >= FORGOTTEN_AFTER:
            self.failures = 0
        wait = 0.0 if self.failures == 0 else min(LONGEST, FIRST * 2 ** (self.failures - 1))
        self.failures += 1
        return wait


def text(seconds: float) -> str:
    """As a kubelet writes a duration: ``10s``, ``2m40s``, ``5m0s``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
