"""Where two runbooks contradict each other: people answer for several systems, and a word should mean one thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy, SeverityLevel
from drillbook.model.quantity import Dimension, render
from drillbook.policy.lint.finding import Finding, found


def lint_between(policies: Sequence[Policy]) -> tuple[Finding, ...]:
    """Every contradiction between two policies: levels of one name, and attested limits on one subject."""
    return tuple(
        finding
        for one, other in combinations(policies, 2)
        for finding in (*_levels(one, other), *_subjects(one, other))
    )


def _levels(one: Policy, other: Policy) -> Sequence[Finding]:
    """Severity levels of one name that stand for different severities or different times."""
    findings = []
    for name in one.severities.keys() & other.severities.keys():
        a, b = one.severities[name], other.severities[name]
        pairs = ((a.response, b.response), (a.resolution, b.resolution))
        times_differ = any(x is not None and y is not None and x != y for x, y in pairs)
        if times_differ or a.severity is not b.severity:
            sentence = f"{name} is {_said(a)} in {one.system} and {_said(b)} in {other.system}"
            sides = tuple(f"severities.{name} of {p.system}: {p.severities[name].source}" for p in (one, other))
            findings.append(Finding("one level, two meanings", sentence, sides))
    return sorted(findings, key=lambda finding: finding.sentence)


def _said(level: SeverityLevel) -> str:
    times = [
        f"{what} within {_time(time)}"
        for what, time in (("answered", level.response), ("resolved", level.resolution))
        if time is not None
    ]
    return " and ".join([str(level.severity), *times])


def _time(time: timedelta) -> str:
    return render(time.total_seconds(), Dimension.DURATION)


def _subjects(one: Policy, other: Policy) -> Sequence[Finding]:
    """Attested limits on one subject, the strictest of each policy, that aren't the same."""
    findings = []
    ours, theirs = _strictest(one), _strictest(other)
    for key in ours.keys() & theirs.keys():
        a, b = ours[key], theirs[key]
        if isinstance(a.limit, Limit) and isinstance(b.limit, Limit) and a.limit.quantity != b.limit.quantity:
            sentence = f"{key[0]}: {a.limit} in {one.system}, {b.limit} in {other.system}"
            findings.append(found("different limits", sentence, a, b))
    return sorted(findings, key=lambda finding: finding.sentence)


def _strictest(policy: Policy) -> dict[tuple[str, str], Objective]:
    """By subject and direction, the strictest objective."""
    strictest: dict[tuple[str, str], Objective] = {}
    for one in policy.objectives:
        subject, limit = one.parameters.get("subject"), one.limit
        if not subject or not isinstance(limit, Limit):
            continue
        key = str(subject), limit.comparator[0]
        before = strictest.get(key)
        if before is None or not isinstance(before.limit, Limit) or _stricter(limit, before.limit):
            strictest[key] = one
    return strictest


def _stricter(a: Limit, b: Limit) -> bool:
    return a.quantity.value < b.quantity.value if a.comparator[0] == "<" else a.quantity.value > b.quantity.value
