"""The steps of a procedure: which took longer than the runbook gives it, and which claimed success; pure."""

from __future__ import annotations

from collections.abc import Iterator

from drillbook.judge.recovery import time_words
from drillbook.model.timeline import Event, EventKind, Timeline


def late_steps(timeline: Timeline) -> Iterator[str]:
    """A sentence for each step that took longer than its documented time."""
    for step in _steps(timeline):
        documented, took = step.details.get("documented_seconds"), step.details.get("took_seconds", 0.0)
        if documented is not None and took > documented:
            yield f"step {step.text} took {time_words(took)}, documented are {time_words(documented)}"


def claims(timeline: Timeline) -> str:
    """Which steps said that they were done, for a sentence on a system that isn't well; empty where there were none."""
    claimed = [step.text for step in _steps(timeline) if not step.details.get("problem")]
    if not claimed:
        return ""
    more = f" and {len(claimed) - 1} before it" if len(claimed) > 1 else ""
    return f"step {claimed[-1]}{more} claimed success"


def _steps(timeline: Timeline) -> Iterator[Event]:
    return (event for event in timeline.events if event.kind is EventKind.STEP)
