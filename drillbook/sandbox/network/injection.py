"""A fault that was injected: between whom, and what it does there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drillbook.sandbox.network.token_bucket import TokenBucket
from drillbook.sandbox.network.treatment import FREE, Treatment


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate for each sender: bytes per second, and how many at once after a rest."""

    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class Way:
    """From any of these pods (by uid) to any of those; None is everybody, the host included."""

    senders: frozenset[str]
    receivers: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault. As on a pod's own network card, it takes hold of what a pod sends."""

    ways: tuple[Way, ...]
    treatment: Treatment
    limit: Limit | None = None
    _buckets: dict[str, TokenBucket] = field(default_factory=dict, compare=False)

    def on_way(self, sender: str, receiver: str) -> Treatment:
        """What happens to bytes from the one to the other."""
        if sender == receiver or not any(
            sender in way.senders and (way.receivers is None or receiver in way.receivers) for way in self.ways
        ):
            return FREE
        if self.limit is None:
            return self.treatment
        bucket = self._buckets.setdefault(sender, TokenBucket(self.limit.rate, self.limit.burst))
        return self.treatment + Treatment(buckets=(bucket,))

    @property
    def pods(self) -> frozenset[str]:
        """All pods that it names."""
        named: Final = [group for way in self.ways for group in (way.senders, way.receivers or frozenset())]
        return frozenset().union(*named)

    @property
    def reaches_everybody(self) -> bool:
        return any(way.receivers is None for way in self.ways)
