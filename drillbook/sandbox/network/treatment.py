"""What happens to bytes on their way from one pod to another: nothing, or they come late, slowly or not at all.

``Treatment()`` is an undisturbed way. Treatments of several causes add up, as several faults on one network card do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from drillbook.sandbox.network.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True)
class Delay:
    """Each piece comes later by ``seconds``, more or less by up to ``jitter_seconds``."""

    seconds: float
    jitter_seconds: float = 0.0
    correlation: float = 0.0
    """From 0 to 1: how much the jitter of a piece resembles that of the one before."""

    def sample(self, last: float) -> tuple[float, float]:
        """The seconds for the next piece, and the draw (-1 to 1) to give as ``last`` next time."""
        draw = self.correlation * last + (1 - self.correlation) * random.uniform(-1, 1)
        return max(0.0, self.seconds + draw * self.jitter_seconds), draw


@dataclass(frozen=True, slots=True)
class Reset:
    """So many of the connections are reset; ``cause`` makes each connection draw its lot once per cause."""

    cause: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Treatment:
    """The way from one pod to another, one direction."""

    blocked: bool = False
    """Nothing arrives; what was sent arrives when the way is free again, as TCP would send it again."""
    delays: tuple[Delay, ...] = ()
    buckets: tuple[TokenBucket, ...] = field(default=(), hash=False)
    """What the bytes have to pass through; one bucket serves all connections that share a limit."""
    loss: float = 0.0
    """The ratio of packets that are lost."""
    resets: tuple[Reset, ...] = ()

    def __add__(self, other: Treatment) -> Treatment:
        return Treatment(
            self.blocked or other.blocked,
            self.delays + other.delays,
            self.buckets + other.buckets,
            self.loss + other.loss - self.loss * other.loss,
            self.resets + other.resets,
        )

    @property
    def shapes(self) -> bool:
        """Whether bytes must be held back by us; losing packets is the kernel's work."""
        return self.blocked or bool(self.delays) or bool(self.buckets)

    @property
    def latency_seconds(self) -> float:
        """What one packet needs for its way, on average."""
        return sum(delay.seconds for delay in self.delays)


FREE: Final = Treatment()
BLOCKED: Final = Treatment(blocked=True)
