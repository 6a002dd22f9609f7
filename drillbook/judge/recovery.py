"""The time to recover, read off a timeline as an interval; pure."""

from __future__ import annotations

from drillbook.judge.outage import by_signal, completed, enough, outages
from drillbook.model.drill import RecoveryTime
from drillbook.model.quantity import Dimension, render
from drillbook.model.timeline import EventKind, Timeline


def too_fine(limit_seconds: float | None, interval_seconds: float) -> str | None:
    """Why a documented time can't be judged with probes at that interval, or None where it can."""
    if limit_seconds is None or limit_seconds >= interval_seconds:
        return None
    return (
        f"the documented time to recover is {time_words(limit_seconds)}, and the probes look only every "
        f"{time_words(interval_seconds)}: that can't be judged; raise the probe rate"
    )


def recovery_time(timeline: Timeline, sustained_seconds: float, not_before: float = 0.0) -> RecoveryTime | None:
    """How long after the fault took effect every signal was good again and stayed so; None where that wasn't seen.

    ``not_before``: a moment before which nothing counts as recovered, however good it looks: the end of a routine
    procedure, in seconds since the drill's start.

    The fault took effect somewhere between the request that injected it and the first evidence of it. ``lower`` counts
    from the later of the two to the last bad sample, ``upper`` from the earlier to the answer of the first good one.
    """
    started = timeline.first(EventKind.INJECTING)
    if started is None or not timeline.samples:
        return None
    last_bad = first_good = max(started.at, not_before)
    stretches = [i for i in outages(timeline, sustained_seconds) if i.end > started.at]
    if any(not i.ended for i in stretches):
        return None
    for signal, samples in by_signal(timeline.samples).items():
        bad = [s.due for s in samples if not s.good and completed(s) > started.at]
        ends = [i.end for i in stretches if i.signal == signal]
        good = ends or [completed(s) for s in samples if s.good and s.due > started.at][:1]
        after = [s for s in samples if s.good and completed(s) >= max(good, default=0.0) and s.due >= not_before]
        least = enough(sustained_seconds, timeline.interval_seconds.get(signal, 0.0))
        if not good or len(after) < least or after[-1].due - after[0].due < sustained_seconds:
            return None
        last_bad, first_good = max([last_bad, *bad]), max([first_good, *good])
    upper = first_good - started.at
    return RecoveryTime(min(max(0.0, last_bad - _first_evidence(timeline, started.at)), upper), upper)


def _first_evidence(timeline: Timeline, injecting: float) -> float:
    """When it was first seen that the fault took effect: the landing, or a sample that turned bad."""
    moments = [completed(s) for s in timeline.samples if not s.good and completed(s) > injecting]
    landed = timeline.first(EventKind.LANDED)
    return min([*moments, landed.at] if landed else moments or [injecting])


def time_words(seconds: float) -> str:
    """Seconds, as people read them."""
    return render(seconds, Dimension.DURATION)


def span_words(recovery: RecoveryTime) -> str:
    """The interval that the time to recover lies in."""
    return f"{time_words(recovery.lower)} to {time_words(recovery.upper)}"
