"""Counts of replicas that differ between places of a runbook."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from drillbook.model.policy import Objective, Policy
from drillbook.policy.lint.finding import Finding, bound, found

_STATED: Final = ("workload.ready_replicas", "workload.desired_replicas", "aws.desired_count")
_LEAST: Final = "autoscaler.min_replicas"
_MOST: Final = "autoscaler.max_replicas"


def differing(policy: Policy) -> Sequence[Finding]:
    """Per component: numbers that differ between indicators, and numbers that an autoscaler would never leave alone."""
    findings = []
    for component in dict.fromkeys(o.component for o in policy.objectives):
        here = [o for o in policy.objectives if o.component == component]
        stated = [o for o in here if o.indicator in _STATED and bound(o, "==", ">=") is not None]
        for one, other in combinations(stated, 2):
            # Two on one indicator are compared as limits.
            if one.indicator != other.indicator and bound(one) != bound(other):
                sentence = f"{component} has {one.limit} replicas in one place and {other.limit} in another"
                findings.append(found("different replicas", sentence, one, other))
        findings += _against_the_autoscaler(here, stated)
    return findings


def _against_the_autoscaler(here: Sequence[Objective], stated: Sequence[Objective]) -> list[Finding]:
    findings = []
    for scaling in here:
        edge = bound(scaling, "==", ">=", "<=")
        for one in stated:
            number = bound(one)
            if edge is None or number is None:
                continue
            below = scaling.indicator == _LEAST and number < edge
            above = scaling.indicator == _MOST and number > edge
            if below or above:
                sentence = (
                    f"{one.component} has {one.limit} replicas, and its autoscaler's {_edge(below)} is {scaling.limit}"
                )
                findings.append(found("different replicas", sentence, one, scaling))
    return findings


def _edge(below: bool) -> str:
    return "minimum" if below else "maximum"
