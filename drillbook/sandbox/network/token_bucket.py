"""A rate limit that several connections share, as they would share a network card."""

from __future__ import annotations


class TokenBucket:
    """Lets ``rate`` bytes per second through, and up to ``burst`` bytes at once after a rest."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._empty_at = float("-inf")
        """When the bucket was, or will be, empty: a bucket filled since then for a burst's time is full."""

    def reserve(self, size: int, now: float) -> float:
        """When ``size`` bytes that come at ``now`` are through: ``now`` itself while there are tokens.

        Times are seconds of a monotonic clock. What was reserved earlier goes first.
        """
        self._empty_at = max(self._empty_at, now - self.burst / self.rate) + size / self.rate
        return max(now, self._empty_at)

    @property
    def piece(self) -> int:
        """How many bytes to pass at a time, so that they flow rather than come in lumps: a twentieth of a second's."""
        return max(256, int(self.rate / 20))
