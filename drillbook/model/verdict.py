"""Verdicts: what the judge says of an observation, and what becomes of it under a waiver."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from drillbook.errors import ExitCode
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Severity, Source
from drillbook.model.text_limit import TextLimit


class Status(StrEnum):
    """Of a check or a drill. Only ``pass`` is a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A violation that somebody answers for, until a day (UTC, its end) and up to a worst value."""

    objective: str
    owner: str
    reason: str
    expires: date
    ceiling: Limit | TextLimit
    ticket: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One objective, judged. ``reason`` is the deciding sentence."""

    id: str
    """``system/objective``: unique, and the test's id."""
    status: Status
    reason: str
    objective: Objective
    observation: Observation
    waiver: Waiver | None = None

    @property
    def severity(self) -> Severity:
        return self.objective.severity

    @property
    def source(self) -> Source:
        return self.objective.source

    @property
    def margin(self) -> Decimal | None:
        """How far inside the limit, as a ratio of the limit: negative outside, None where there is no such thing."""
        seen, limit = self.observation, self.objective.limit
        if not isinstance(limit, Limit) or limit.comparator in {"==", "!="}:
            return None
        bound = limit.quantity.value
        if seen.low is None or seen.high is None or bound == 0:
            return None
        return -limit.excess(seen.low, seen.high) / abs(bound)


def worst(statuses: Iterable[Status]) -> Status:
    """The status of a whole: fail over inconclusive over waived over pass; nothing at all is inconclusive."""
    found = set(statuses)
    for status in (Status.FAIL, Status.INCONCLUSIVE, Status.WAIVED, Status.PASS):
        if status in found:
            return status
    return Status.INCONCLUSIVE


def exit_code(status: Status) -> ExitCode:
    """The command line's exit code for a run of that status."""
    return {
        Status.PASS: ExitCode.PASS,
        Status.WAIVED: ExitCode.PASS,
        Status.FAIL: ExitCode.VIOLATION,
        Status.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    }[status]
