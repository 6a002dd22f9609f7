"""The watch: open-loop availability probes, each sent when it is due, none waiting for another.

So an outage is seen with the resolution of the rate, also by the probes that hang in it. When this machine itself is
too busy to send, the probes that were due are not sent late, where their waiting would look like the system's: the
stretch is noted as a stall, and the judge counts it as not looked at.

A process that is stopped refuses nothing: it answers everything once it goes on. So once the usual answers are known, a
far later one is no service either, and counts as bad until it was there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.model.timeline import LATE, Event, EventKind, Sample

ANSWER_SECONDS: Final = 1.0
"""An answer that takes longer is none: whoever waits that long for one request calls the system down."""
LATE_INTERVALS: Final = 2
LATE_TIMES: Final = 3
"""Late is an answer after two intervals of its probe, if that is also three times the slowest usual one: sooner, this
machine's own hiccups would look like the system's."""

type Ask = Callable[[], Awaitable[Look]]
"""One probe of a signal. What it raises is our own failure, not the system's: the probe counts as not sent."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one probe saw."""

    good: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing to look at, and how often."""

    name: str
    interval_seconds: float
    ask: Ask
    served: bool = False
    """Whether somebody is served by the answer, so that a late one is bad; a look at the platform isn't that."""


@dataclass
class Watch:
    """Samples of all signals from ``start`` to ``stop``; times are seconds since ``origin`` on the monotonic clock."""

    signals: Sequence[Signal]
    origin: float
    clock: Clock = SYSTEM_CLOCK
    samples: list[Sample] = field(default_factory=list)
    stalls: list[Event] = field(default_factory=list)
    _beats: list[asyncio.Task[None]] = field(default_factory=list)
    _open: set[asyncio.Task[None]] = field(default_factory=set)
    _last_bad: dict[str, float] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _patience: dict[str, float] = field(default_factory=dict)

    @property
    def intervals(self) -> Mapping[str, float]:
        """The cadence of each signal."""
        return {signal.name: signal.interval_seconds for signal in self.signals}

    async def start(self) -> None:
        """Begin; returns at once. The signals begin one after the other, so that they don't all fire together."""
        self._beats = [
            asyncio.create_task(self._beat(signal, number / len(self.signals)))
            for number, signal in enumerate(self.signals)
        ]

    async def stop(self) -> None:
        """Send nothing more, and wait for the answers that are still out."""
        for beat in self._beats:
            beat.cancel()
        await asyncio.gather(*self._beats, return_exceptions=True)
        if self._open:
            await asyncio.wait(self._open, timeout=2 * ANSWER_SECONDS)

    def know_the_usual(self) -> None:
        """From now on an answer far later than those until now is bad."""
        for signal in self.signals:
            usual = [sample.took for sample in self.samples if sample.signal == signal.name and sample.good]
            if signal.served and usual:
                self._patience[signal.name] = max(LATE_INTERVALS * signal.interval_seconds, LATE_TIMES * max(usual))

    def quiet_seconds(self, since: float) -> float:
        """For how long no sample has been bad, counted from ``since`` at the earliest."""
        return self.now() - max([since, *(self._last_bad.get(signal.name, since) for signal in self.signals)])

    def silent(self, since: float) -> tuple[str, ...]:
        """The signals of which nothing was seen since then, good or bad: their probes fail by themselves."""
        seen = {sample.signal for sample in self.samples if sample.due >= since}
        return tuple(signal.name for signal in self.signals if signal.name not in seen)

    def now(self) -> float:
        """Seconds since ``origin``."""
        return self.clock.monotonic() - self.origin

    async def _beat(self, signal: Signal, offset: float) -> None:
        interval = signal.interval_seconds
        begin = self.now() + offset * interval
        number = 0
        while True:
            due = begin + number * interval
            if (wait := due - self.now()) > 0:
                await asyncio.sleep(wait)
            missed = int((self.now() - due) / interval)
            if missed > 0:
                text = f"{missed} {signal.name} probes were due and not sent: this machine was busy"
                details = {"signal": signal.name, "until": self.now(), "missed": missed}
                self.stalls.append(Event(EventKind.STALLED, due, text, details))
                number += missed
                due = begin + number * interval
            task = asyncio.create_task(self._ask(signal, due))
            self._open.add(task)
            task.add_done_callback(self._open.discard)
            number += 1

    async def _ask(self, signal: Signal, due: float) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                look = await signal.ask()
        except TimeoutError:
            look = Look(False, f"no answer within {ANSWER_SECONDS:g} s")
        except Exception as error:
            if signal.name not in self._failed:
                self._failed.add(signal.name)
                text = f"the {signal.name} probe itself failed: {error or type(error).__name__}"
                self.stalls.append(Event(EventKind.STALLED, due, text, {"signal": signal.name}))
            return
        done = self.now()
        patience = self._patience.get(signal.name, ANSWER_SECONDS)
        if look.good and done - due > patience:
            look = Look(False, f"{LATE}: {done - due:.2f} s, the usual takes less than {patience:.2f} s")
        if not look.good:
            self._last_bad[signal.name] = max(done, self._last_bad.get(signal.name, 0.0))
        self.samples.append(Sample(signal.name, due, done - due, look.good, look.detail))
