"""The ``limits`` of an environment: what the team decided on where its runbook names a limit and doesn't give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from drillbook.model.environment import Environment, GivenLimit
from drillbook.model.indicators import INDICATORS
from drillbook.model.policy import Objective, Policy
from drillbook.model.text_limit import OwedLimit
from drillbook.policy.document import shown
from drillbook.policy.objectives import read_limit
from drillbook.policy.problems import nearest
from drillbook.policy.section import Section

KEYS: Final = ("limit", "reason")


def read_given_limits(top: Section, policy: Policy | None) -> Mapping[str, GivenLimit]:
    """By objective; without a policy there is nothing to read them for."""
    if policy is None:
        return {}
    owed = {o.id: o for o in policy.objectives if isinstance(o.limit, OwedLimit)}
    known = {o.id for o in policy.objectives}
    given = {}
    for name, one in top.named("limits", KEYS):
        if name not in owed:
            given_already = "the runbook gives its limit, and an environment can't say another" if name in known else ""
            one.problem("", given_already or f"the policy has no objective {name!r}{nearest(name, owed)}")
            continue
        objective = owed[name]
        text = one.literal("limit", "a limit such as '<= 2 s'")
        if text is None:
            one.missing("limit", "a limit such as '<= 2 s'")
            continue
        found = read_limit(one, "limit", text, INDICATORS[objective.indicator], objective.limit.dimension)
        reason = one.text("reason", "why this limit, and who decided")
        if found is not None:
            given[name] = GivenLimit(found, reason, one.node.start_mark.line + 1)
    return given


def with_given_limits(policy: Policy, environment: Environment) -> Policy:
    """The policy, with the limits that the environment gives in the place of those that the runbook owes."""

    def filled(objective: Objective) -> Objective:
        given = environment.limits.get(objective.id)
        if given is None:
            return objective
        place = f"{shown(environment.path)}:{given.line}"
        return replace(objective, limit=given.limit, limit_from=f"{place}: {given.reason}")

    return replace(policy, objectives=tuple(filled(o) for o in policy.objectives))
