"""What has become of a job's pods: each counts once, and goes on counting after somebody deletes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from drillbook.sandbox.controllers.controller import Key
from drillbook.sandbox.controllers.pods import condition, is_terminating, moment
from drillbook.sandbox.kinds import Object

INDEX: Final = "batch.kubernetes.io/job-completion-index"
"""Label and annotation of an Indexed job's pods."""

FIRST_BACK_OFF: Final = timedelta(seconds=10)
LONGEST_BACK_OFF: Final = timedelta(minutes=10)


@dataclass
class Tally:
    """Uids of a job's pods by how they ended."""

    key: Key
    succeeded: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    discarded: set[str] = field(default_factory=set)
    """Deleted by the controller itself, to suspend the job or to run fewer: neither a success nor a failure."""
    indexes: set[int] = field(default_factory=set)
    """Completion indexes that are done; only Indexed jobs have them."""
    failures_in_a_row: int = 0
    last_failure: datetime | None = None

    def count(self, pods: Iterable[Object]) -> None:
        """Take in pods that have ended and were not counted yet, in the order of their ends."""
        known = self.succeeded | self.failed | self.discarded
        ended = [pod for pod in pods if pod["metadata"]["uid"] not in known and _has_ended(pod)]
        for pod in sorted(ended, key=ended_at):
            self._take(pod)

    def gone(self, pod: Object) -> None:
        """A pod was taken out of the store: whatever it had not finished, it never will."""
        uid = pod["metadata"]["uid"]
        if uid not in self.succeeded | self.failed | self.discarded:
            self._take(pod)

    def back_off_until(self) -> datetime | None:
        """When the next pod may start: 10 s after the last of the failures in a row, doubling, at most 10 minutes."""
        if self.last_failure is None or not self.failures_in_a_row:
            return None
        # Ten doublings are far beyond the longest delay; more would only overflow.
        delay = FIRST_BACK_OFF * (1 << min(self.failures_in_a_row - 1, 10))
        return self.last_failure + min(delay, LONGEST_BACK_OFF)

    def _take(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if (pod.get("status") or {}).get("phase") == "Succeeded":
            self.succeeded.add(uid)
            index = index_of(pod)
            if index is not None:
                self.indexes.add(index)
            self.failures_in_a_row = 0
        else:
            self.failed.add(uid)
            self.failures_in_a_row += 1
            self.last_failure = ended_at(pod)


def index_of(pod: Object) -> int | None:
    """The completion index of an Indexed job's pod."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdecimal() else None


def ranges(indexes: Iterable[int]) -> str:
    """As ``status.completedIndexes`` has them: ``0,2-5,7``; two in a row are written apart."""
    runs: list[list[int]] = []
    for index in sorted(set(indexes)):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
    return ",".join(texts)


def ended_at(pod: Object) -> datetime:
    """When the pod ended, from the best source there is: its containers, its readiness, its deletion, its creation."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((status.get("state") or {}).get("terminated") or {}).get("finishedAt") for status in statuses]
    known = [moment(end) for end in ends if end]
    if known and len(known) == len(ends):
        return max(known)
    ready = condition(pod, "Ready")
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return moment(ready["lastTransitionTime"])
    meta = pod["metadata"]
    if is_terminating(pod):
        return moment(meta["deletionTimestamp"]) - timedelta(seconds=int(meta.get("deletionGracePeriodSeconds") or 0))
    return moment(meta["creationTimestamp"])


def _has_ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"} or is_terminating(pod)
