"""One entry of a policy that stands for several places of its runbook, and those places don't say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Final

from drillbook.model.policy import Objective, Policy
from drillbook.model.requirements import Requirements, Row
from drillbook.policy.lint.finding import Finding, place_of
from drillbook.policy.lint.replicas import REPLICAS

_STATED: Final = re.compile(r"(==|<=|>=|<|>)\s*([0-9].*)")


def differing(policy: Policy, requirements: Requirements | None) -> Sequence[Finding]:
    """Pairs of rows of one sort and one nature that one objective covers, with different values.

    Counts of replicas are compared by workload, whichever objective covers them.
    """
    rows = {row.id: row for row in requirements.limits if row.kind != REPLICAS} if requirements else {}
    findings = []
    for objective in policy.objectives:
        stated: dict[str, Row] = {}
        for row in (rows[name] for name in objective.covers if name in rows):
            if _STATED.fullmatch(row.value):
                stated.setdefault(row.value, row)
        pairs = [p for p in combinations(stated.values(), 2) if (p[0].kind, p[0].nature) == (p[1].kind, p[1].nature)]
        findings += [_finding(policy, objective, one, other) for one, other in pairs]
    return findings


def _finding(policy: Policy, objective: Objective, one: Row, other: Row) -> Finding:
    sentence = f"{objective.id} stands for {one.value} in one place and for {other.value} in another"
    return Finding("places that differ", sentence, tuple(place_of(row, objective, policy) for row in (one, other)))
