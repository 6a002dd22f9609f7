"""What happened during a drill, and when: events, and every answer to the availability probes.

All times are seconds since the drill's start, from one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

LATE: Final = "answered late"
"""How the detail of a sample begins that is bad only because its good answer took far longer than usual."""


class EventKind(StrEnum):
    """The moments of a drill that a report draws."""

    STARTED = "started"
    STEADY = "steady"
    JOURNALED = "journaled"
    INJECTING = "injecting"
    INJECTED = "injected"
    LANDED = "landed"
    DETECTED = "detected"
    STEP = "step"
    RECOVERED = "recovered"
    UNDONE = "undone"
    ABORTED = "aborted"
    STALLED = "stalled"
    """This machine was too busy to look: a stretch in which probes were due and none was sent."""
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Event:
    """One moment."""

    kind: EventKind
    at: float
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One availability probe: when it was due, how long it took from then, and whether the answer was good."""

    signal: str
    """Which probe: ``read``, ``write``, ``ready``."""
    due: float
    took: float
    good: bool
    detail: str = ""

    @property
    def failed(self) -> bool:
        """Bad, and not merely late: whoever asked got no good answer at all."""
        return not self.good and not self.detail.startswith(LATE)


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time during which a signal was bad: between these bounds, both measured."""

    signal: str
    begin: float
    """Due time of the first bad sample."""
    end: float
    """Completion of the first sample of the sustained run of good ones; the last sample's where there is none."""
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drill from its start to its end."""

    events: tuple[Event, ...]
    samples: tuple[Sample, ...]
    interval_seconds: Mapping[str, float]
    """The cadence of each signal's probe: the resolution of every time measured from it."""

    def first(self, kind: EventKind) -> Event | None:
        """The first event of that kind."""
        return next((e for e in self.events if e.kind is kind), None)
