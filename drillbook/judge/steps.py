"""The steps of a procedure: when they were done, which took too long, which failed and which claimed success; pure."""

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


def failed_step(timeline: Timeline) -> str:
    """A sentence on the step at which a procedure came to its end too soon; empty where none failed.

    One that failed because something couldn't be asked says nothing about the procedure.
    """
    for step in _steps(timeline):
        if step.details.get("problem") and not step.details.get("unseen"):
            return f"the procedure can't be followed to its end: {step.details['problem']}"
    return ""


def procedure_end(timeline: Timeline) -> float:
    """When the last step was done, or failed; 0 where there was none."""
    return max((step.at for step in _steps(timeline)), default=0.0)


def assumed_seconds(timeline: Timeline) -> float:
    """What the runbook gives people for their steps, which a machine that follows a procedure only assumes done."""
    assumed = (step.details for step in _steps(timeline) if step.details.get("assumed"))
    return sum(details.get("documented_seconds") or 0.0 for details in assumed)


def _steps(timeline: Timeline) -> Iterator[Event]:
    return (event for event in timeline.events if event.kind is EventKind.STEP)
