"""Outages from samples: when a signal was bad, and when it was good again and stayed so.

An outage begins when the first bad sample was *due* and ends when the first sample of a *sustained* run of good ones
was *answered*; a flap inside that run starts it over. Both ends err towards the longer outage, and by no more than one
interval of the probe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from drillbook.model.timeline import Interval, Sample, Timeline

DENSITY: Final = 0.5
"""A stretch counts as looked at only with at least this share of the samples that were due in it, and a run of good
answers is broken by a silence longer than the rest: two good answers with nothing between them are no run."""


def outages(timeline: Timeline, sustained_seconds: float) -> tuple[Interval, ...]:
    """The bad stretches of every signal, ordered by their begin."""
    found = [
        stretch
        for signal, samples in by_signal(timeline.samples).items()
        for stretch in bad_stretches(samples, sustained_seconds, timeline.interval_seconds.get(signal, 0.0))
    ]
    return tuple(sorted(found, key=lambda i: (i.begin, i.signal)))


def by_signal(samples: Iterable[Sample]) -> Mapping[str, tuple[Sample, ...]]:
    """Samples of each signal, in the order in which they were due."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.signal, []).append(sample)
    return {signal: tuple(sorted(group, key=lambda s: s.due)) for signal, group in groups.items()}


def bad_stretches(samples: Sequence[Sample], sustained_seconds: float, interval_seconds: float) -> list[Interval]:
    """The bad stretches of one signal, whose ``samples`` are ordered by due time."""
    silence = max(2 * interval_seconds, (1 - DENSITY) * sustained_seconds)
    stretches: list[Interval] = []
    begin: Sample | None = None
    run: list[Sample] = []
    for sample in samples:
        if not sample.good:
            begin = begin or sample
            run = []
        elif begin is not None:
            if run and sample.due - run[-1].due > silence:
                run = []
            run.append(sample)
            if sample.due - run[0].due >= sustained_seconds:
                stretches.append(Interval(sample.signal, begin.due, completed(run[0])))
                begin, run = None, []
    if begin is not None:
        stretches.append(Interval(begin.signal, begin.due, max(completed(s) for s in samples), ended=False))
    return stretches


def enough(seconds: float, interval_seconds: float) -> int:
    """How many samples a stretch of so many seconds must hold to count as looked at."""
    return max(2, int(DENSITY * seconds / interval_seconds)) if interval_seconds > 0 else 2


def completed(sample: Sample) -> float:
    """When the answer was there."""
    return sample.due + sample.took


def union_seconds(intervals: Iterable[Interval]) -> float:
    """The length of the union: overlapping outages of two signals count once."""
    total, reach = 0.0, float("-inf")
    for interval in sorted(intervals, key=lambda i: i.begin):
        total += max(0.0, interval.end - max(interval.begin, reach))
        reach = max(reach, interval.end)
    return total
