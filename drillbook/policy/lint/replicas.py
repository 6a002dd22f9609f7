"""Counts of replicas that differ between places of a runbook."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Final

from drillbook.model.policy import Objective, Policy
from drillbook.model.requirements import Requirements, Row
from drillbook.policy.lint.finding import Finding, bound, found, place_of

REPLICAS: Final = "workload_replicas"
"""The sort of the rows that count replicas."""
_STATED: Final = ("workload.ready_replicas", "workload.desired_replicas", "aws.desired_count")
_LEAST: Final = "autoscaler.min_replicas"
_MOST: Final = "autoscaler.max_replicas"
_NUMBER: Final = re.compile(r"==\s*([1-9][0-9]*)\b")
"""How many a place leaves running: 0 is a stop on the way to something else, and no size."""


def differing(policy: Policy, requirements: Requirements | None) -> Sequence[Finding]:
    """What places leave running of one workload, per component, and what its autoscaler would never leave alone."""
    findings = list(_between_places(policy, requirements)) if requirements else []
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


def _between_places(policy: Policy, requirements: Requirements) -> Sequence[Finding]:
    """One finding for each workload that places of the runbook leave at different sizes, with all of them."""
    rows = {row.id: row for row in requirements.limits if row.kind == REPLICAS and _NUMBER.match(row.value)}
    places: dict[Hashable, dict[str, tuple[Row, Objective]]] = {}
    for objective in policy.objectives:
        for row in (rows[name] for name in objective.covers if name in rows):
            if subject := objective.parameters.get("service") or objective.component:
                places.setdefault(subject, {}).setdefault(row.id, (row, objective))
    findings = []
    for subject, stated in places.items():
        answered = sorted(stated.values(), key=lambda pair: pair[0].lines)
        counts = [int(said.group(1)) for row, _ in answered if (said := _NUMBER.match(row.value))]
        if len(set(counts)) > 1:
            told = f"{', '.join(map(str, counts[:-1]))} and {counts[-1]}"
            sentence = f"{subject} is left with {told} replicas in different places"
            findings.append(
                Finding("different replicas", sentence, tuple(place_of(*pair, policy) for pair in answered))
            )
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
