"""Time to detect: the alert that the runbook names fires in its documented time, with its severity, and clears; pure.

The documented time is what the loaded rule itself says: the next scrape, the range that its expression looks back over,
the next evaluation, its ``for``, and the evaluation after that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from drillbook.judge.recovery import time_words
from drillbook.model.drill import Detection
from drillbook.model.policy import Severity
from drillbook.model.verdict import Status

FIRING: Final = "firing"
_MEANT: Final = {
    "critical": {Severity.CRITICAL, Severity.HIGH},
    "warning": {Severity.HIGH, Severity.MEDIUM, Severity.LOW},
    "info": {Severity.LOW},
}
"""What the usual words on an alert may stand for; a runbook has more levels than a rule has words."""


@dataclass(frozen=True, slots=True)
class AlertLook:
    """The rule's state at one moment: ``inactive``, ``pending`` or ``firing``."""

    at: float
    state: str


@dataclass(frozen=True, slots=True)
class AlertSight:
    """What was seen of one alert during a drill. Times are seconds since the drill's start."""

    alert: str
    problem: str = ""
    """Why nothing could be seen."""
    loaded: bool = True
    for_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    scrape_seconds: float = 0.0
    looks_back_seconds: float = 0.0
    severity: str = ""
    """The loaded rule's label."""
    documented: Severity | None = None
    """By the objective that wants the rule loaded; None where there is none."""
    looks: tuple[AlertLook, ...] = ()

    @property
    def limit_seconds(self) -> float:
        """In what time the rule promises to fire, counted from when the failure began."""
        return self.scrape_seconds + self.looks_back_seconds + 2 * self.evaluation_seconds + self.for_seconds

    @property
    def terms(self) -> str:
        """What that time is made of."""
        back = f", over {time_words(self.looks_back_seconds)}" if self.looks_back_seconds else ""
        waits = f", for {time_words(self.for_seconds)}" if self.for_seconds else ""
        every = (
            f"scraped every {time_words(self.scrape_seconds)}, evaluated every {time_words(self.evaluation_seconds)}"
        )
        return f"{every}{back}{waits}"


def judge_detection(sight: AlertSight, injecting: float | None, recovered_at: float | None) -> Detection:
    """``recovered_at``: when the system was good again; None where that wasn't seen."""
    nothing = Detection(
        sight.alert, Status.INCONCLUSIVE, "", limit_seconds=sight.limit_seconds, severity=sight.severity
    )
    if sight.problem:
        return replace(nothing, limit_seconds=None, reason=f"alert {sight.alert} could not be watched: {sight.problem}")
    if not sight.loaded:
        said = f"no rule {sight.alert} is loaded, so nobody is told of this failure"
        return replace(nothing, limit_seconds=None, status=Status.FAIL, reason=said)
    found = _fired(nothing, sight, injecting, recovered_at)
    if found.status is Status.PASS and (problem := _severity_problem(sight)):
        return replace(found, status=Status.FAIL, reason=problem)
    return _cleared(found, sight, recovered_at) if found.status is Status.PASS else found


def _fired(nothing: Detection, sight: AlertSight, injecting: float | None, recovered_at: float | None) -> Detection:
    """Whether it fired in time, by the interval between the looks before and at its first firing."""
    alert, limit = f"alert {sight.alert}", sight.limit_seconds
    since = [look for look in sight.looks if injecting is not None and look.at > injecting]
    if injecting is None or not since:
        return replace(nothing, reason=f"nobody looked at {alert} after the fault")
    if any(look.state == FIRING for look in sight.looks if look.at <= injecting):
        return replace(nothing, reason=f"{alert} was firing before the fault already")
    promised = f"the loaded rule promises {time_words(limit)} ({sight.terms})"
    first = next((number for number, look in enumerate(since) if look.state == FIRING), None)
    if first is None:
        lasted = (since[-1].at if recovered_at is None else recovered_at) - injecting
        if lasted <= limit:
            reason = f"{alert} did not fire, and the failure lasted {time_words(lasted)} only: {promised}"
            return replace(nothing, reason=reason)
        reason = f"{alert} did not fire in the {time_words(lasted)} of the failure, {promised}"
        return replace(nothing, status=Status.FAIL, reason=reason)
    took, earliest = since[first].at - injecting, since[first - 1].at - injecting if first else 0.0
    late = earliest > limit
    reason = f"{alert} fired {'only ' if late else ''}after {time_words(took)}, {promised}"
    return replace(nothing, status=Status.FAIL if late else Status.PASS, reason=reason, fired_seconds=took)


def _severity_problem(sight: AlertSight) -> str:
    """Why the rule's label isn't the documented severity; empty where it is, or nobody says one."""
    word, documented = sight.severity.lower(), sight.documented
    if documented is None or word == documented.value or documented in _MEANT.get(word, ()):
        return ""
    label = f"severity {sight.severity}" if word else "no severity"
    return f"alert {sight.alert} fired with {label}, documented is {documented}"


def _cleared(found: Detection, sight: AlertSight, recovered_at: float | None) -> Detection:
    """Once the system has recovered, the alert must go too: one that stays is soon one that nobody believes."""
    if recovered_at is None:
        return found
    after = [look for look in sight.looks if look.at >= recovered_at]
    gone = next((look.at - recovered_at for look in after if look.state != FIRING), None)
    if gone is not None:
        reason = f"{found.reason}; it cleared {time_words(gone)} after the recovery"
        return replace(found, reason=reason, cleared_seconds=gone)
    watched = after[-1].at - recovered_at if after else 0.0
    promised = sight.limit_seconds - sight.for_seconds
    if watched <= promised:
        short = f"it was watched for {time_words(watched)} after the recovery, and may take {time_words(promised)}"
        reason = f"{found.reason}; whether it clears was not seen: {short}"
        return replace(found, status=Status.INCONCLUSIVE, reason=reason)
    reason = f"alert {sight.alert} still fires {time_words(watched)} after the recovery"
    return replace(found, status=Status.FAIL, reason=reason)
