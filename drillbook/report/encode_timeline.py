"""A drill's timeline into a file of its own, schema ``drillbook.timeline/v1``: there are many samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from drillbook.model.drill import DrillResult
from drillbook.model.timeline import Event, EventKind, Interval, Sample, Timeline
from drillbook.report.numbers import number, plain, text

TIMELINE_SCHEMA: Final = "drillbook.timeline/v1"

Json = dict[str, Any]


def timeline_names(results: Sequence[DrillResult]) -> tuple[str, ...]:
    """The file of each drill's events and samples: ``timeline-pod-kill.json``, numbered where one ran twice."""
    names: list[str] = []
    for result in results:
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in result.plan.id)
        stem = f"timeline-{safe}"
        earlier = sum(name == f"{stem}.json" or name.startswith(f"{stem}.") for name in names)
        names.append(f"{stem}.{earlier + 1}.json" if earlier else f"{stem}.json")
    return tuple(names)


def timeline(result: DrillResult) -> Json:
    """Everything that was seen during a drill, in seconds since its start."""
    line: Timeline = result.timeline
    return {
        "schema": TIMELINE_SCHEMA,
        "drill": text(result.id),
        "interval_seconds": plain(line.interval_seconds),
        "fault_at": _fault_at(line),
        "events": [event(e) for e in line.events],
        "outages": [interval(o) for o in result.outages],
        "samples": [sample(s) for s in line.samples],
    }


def _fault_at(line: Timeline) -> int | float | None:
    """When the fault was injected: the moment that recovery is counted from."""
    found = line.first(EventKind.INJECTING)
    return number(found.at) if found else None


def event(given: Event) -> Json:
    return {
        "kind": given.kind.value,
        "at": number(given.at),
        "text": text(given.text),
        "details": plain(given.details),
    }


def interval(given: Interval) -> Json:
    return {
        "signal": text(given.signal),
        "begin": number(given.begin),
        "end": number(given.end),
        "ended": given.ended,
    }


def sample(given: Sample) -> Json:
    """One answer to an availability probe: short, because there are many."""
    found: Json = {
        "signal": text(given.signal),
        "due": number(round(given.due, 6)),
        "took": number(round(given.took, 6)),
        "good": given.good,
    }
    return found | ({"detail": text(given.detail)} if given.detail else {})
