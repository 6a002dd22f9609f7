"""A job's status: counts, conditions, and what there is to say about the step from the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drillbook.sandbox.controllers.job_tally import ranges
from drillbook.sandbox.controllers.pods import condition, with_condition
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import Object

_ALWAYS_SHOWN: Final = frozenset({"ready", "terminating"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a job ends: first the criterion is met, then, when no pod runs any more, it has ended."""

    type: str
    criterion: str
    reason: str
    message: str


COMPLETE: Final = Verdict(
    "Complete", "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"
)
BACK_OFF_LIMIT: Final = Verdict(
    "Failed", "FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
)
DEADLINE: Final = Verdict(
    "Failed", "FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline"
)


def finished(job: Object) -> Object | None:
    """The condition that ended the job: Complete or Failed."""
    return next((found for type_ in ("Complete", "Failed") if (found := _true(job, type_))), None)


def reached(job: Object) -> Verdict | None:
    """The verdict whose criterion was met before: a job doesn't come back from it."""
    for verdict in (COMPLETE, BACK_OFF_LIMIT, DEADLINE):
        found = _true(job, verdict.criterion)
        if found is not None and found.get("reason") == verdict.reason:
            return verdict
    return None


def of(
    job: Object, counts: Mapping[str, int], indexes: Iterable[int] | None, verdict: Verdict | None, now: datetime
) -> Object:
    """The new status. ``indexes``: the completed ones, None for a job without."""
    status: Object = dict(job.get("status") or {})
    for name, count in counts.items():
        if count or name in _ALWAYS_SHOWN:
            status[name] = count
        else:
            status.pop(name, None)
    status["uncountedTerminatedPods"] = {}
    if indexes is not None and (text := ranges(indexes)):
        status["completedIndexes"] = text
    conditions = list(status.get("conditions") or ())
    if verdict is None:
        conditions = _suspension(job, status, conditions, now)
    else:
        status.setdefault("startTime", written(now))
        conditions = _set(conditions, verdict.criterion, "True", verdict.reason, verdict.message, now)
        if not counts["active"] and not counts["terminating"]:
            conditions = _set(conditions, verdict.type, "True", verdict.reason, verdict.message, now)
            if verdict is COMPLETE:
                status["completionTime"] = written(now)
    if conditions:
        status["conditions"] = conditions
    return status


def news(job: Object, status: Object) -> list[tuple[str, str, str]]:
    """The events (type, reason, message) that belong to this step: endings, suspension, resumption."""
    said = []
    after = {"status": status}
    if _true(job, "Complete") is None and _true(after, "Complete") is not None:
        said.append(("Normal", "Completed", "Job completed"))
    failed = _true(after, "Failed")
    if failed is not None and _true(job, "Failed") is None:
        said.append(("Warning", failed["reason"], failed["message"]))
    was, now = _true(job, "Suspended") is not None, _true(after, "Suspended") is not None
    if was != now:
        said.append(("Normal", *(("Suspended", "Job suspended") if now else ("Resumed", "Job resumed"))))
    return said


def _suspension(job: Object, status: Object, conditions: list[Object], now: datetime) -> list[Object]:
    """A suspended job has no start time; one that is resumed starts anew, and so does its deadline."""
    was = _true(job, "Suspended") is not None
    if job["spec"].get("suspend"):
        status.pop("startTime", None)
        return _set(conditions, "Suspended", "True", "JobSuspended", "Job suspended", now)
    if was:
        status["startTime"] = written(now)
        return _set(conditions, "Suspended", "False", "JobResumed", "Job resumed", now)
    status.setdefault("startTime", written(now))
    return conditions


def _set(conditions: list[Object], type_: str, value: str, reason: str, message: str, now: datetime) -> list[Object]:
    old = next((found for found in conditions if found["type"] == type_), None)
    if old is not None and old["status"] == value:
        return conditions
    at = written(now)
    return with_condition(conditions, type_, value, reason, message, lastProbeTime=at, lastTransitionTime=at)


def _true(job: Object, type_: str) -> Object | None:
    found = condition(job, type_)
    return found if found is not None and found["status"] == "True" else None
