"""Response times that differ for one level of severity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from drillbook.model.policy import Objective, Policy, SeverityLevel
from drillbook.model.quantity import Dimension, render
from drillbook.policy.lint.finding import Finding, bound, side


def differing(policy: Policy) -> Sequence[Finding]:
    """A level's own response and resolution time against what attested objectives on the same level say.

    Which level an objective speaks of is said by its ``subject``: ``P0 response``, ``P0 resolution``. Two objectives
    with one subject are compared as limits.
    """
    findings = []
    for level in policy.severities.values():
        for what, promised in (("response", level.response), ("resolution", level.resolution)):
            for one in policy.objectives:
                stated = bound(one, "<", "<=", "==")
                if promised is None or stated is None or not _speaks_of(one, level, what):
                    continue
                if float(stated) != promised.total_seconds():
                    findings.append(_finding(level, what, promised, one))
    return findings


def _speaks_of(one: Objective, level: SeverityLevel, what: str) -> bool:
    subject = str(one.parameters.get("subject") or "")
    return one.limit.dimension is Dimension.DURATION and subject.casefold() == f"{level.name} {what}".casefold()


def _finding(level: SeverityLevel, what: str, promised: timedelta, one: Objective) -> Finding:
    time = render(promised.total_seconds(), Dimension.DURATION)
    sentence = f"{level.name} has {time} for its {what} in one place and {one.limit} in another"
    return Finding("different times", sentence, (f"severities.{level.name}: {time}, {level.source}", side(one)))
