"""All rules, in the order in which findings are told."""

from __future__ import annotations

from collections.abc import Mapping

from drillbook.model.policy import Policy
from drillbook.model.requirements import Requirements
from drillbook.policy.lint import (
    autoscalers,
    limits,
    measures,
    pools,
    replicas,
    rows,
    times,
    units,
    unreachable,
)
from drillbook.policy.lint.finding import Finding


def lint(policy: Policy, requirements: Requirements | None = None) -> tuple[Finding, ...]:
    """Every contradiction between a policy's entries; the runbook's rows say which of them are targets and alerts."""
    return (
        *limits.differing(policy, natures_of(policy, requirements)),
        *units.of_another_unit(policy),
        *measures.in_two_units(policy),
        *unreachable.never_firing(policy),
        *pools.too_large_together(policy),
        *autoscalers.two_on_one_target(policy),
        *replicas.differing(policy, requirements),
        *times.differing(policy),
        *rows.differing(policy, requirements),
    )


def natures_of(policy: Policy, requirements: Requirements | None) -> Mapping[str, str]:
    """By objective: ``target``, ``alert``, ``config`` ... where its rows agree on one."""
    by_row = {row.id: row.nature for row in requirements.limits} if requirements else {}
    found = {o.id: {by_row[row] for row in o.covers if row in by_row} for o in policy.objectives}
    return {name: natures.pop() for name, natures in found.items() if len(natures) == 1}
