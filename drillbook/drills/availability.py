"""The last seconds of every signal, a cell a second: how users are served while a drill goes on; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drillbook.judge.outage import completed
from drillbook.model.timeline import Sample

CELLS: Final = 30
"""Seconds that are shown."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One signal, lately."""

    signal: str
    cells: tuple[bool | None, ...]
    """A second each, the newest last: every answer in it was good; one was bad; None: there was none."""
    good: bool | None = None
    """The newest answer there was; None while there was none at all."""
    detail: str = ""
    """What is wrong with it; empty while it is good."""


def strips(samples: Sequence[Sample], signals: Iterable[str], now: float, cells: int = CELLS) -> tuple[Strip, ...]:
    """The strip of each signal at ``now`` (seconds since the drill's start). ``samples`` are in about their order."""
    first = math.floor(now) - cells + 1
    found: dict[str, dict[int, bool]] = {signal: {} for signal in signals}
    newest: dict[str, Sample] = {}
    for sample in reversed(samples):
        second = math.floor(completed(sample))
        # An answer is noted when it is there: a slow one may stand behind quicker ones by its own length, no more.
        if second < first - cells:
            break
        if sample.signal not in found or second < first:
            continue
        found[sample.signal][second] = sample.good and found[sample.signal].get(second, True)
        if sample.signal not in newest or completed(sample) > completed(newest[sample.signal]):
            newest[sample.signal] = sample
    return tuple(
        Strip(
            signal,
            tuple(seconds.get(first + number) for number in range(cells)),
            newest[signal].good if signal in newest else None,
            newest[signal].detail if signal in newest and not newest[signal].good else "",
        )
        for signal, seconds in found.items()
    )
