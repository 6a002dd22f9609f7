"""The ``limits`` of an environment: what the team decided on where its runbook names a limit and doesn't give it.

A sandbox may have another limit than the runbook's too: what takes hours of real traffic to show can't be shown there,
and a looser limit that can be broken proves more than a documented one that nobody can judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from drillbook.model.environment import Environment, EnvironmentClass, GivenLimit
from drillbook.model.indicators import INDICATORS
from drillbook.model.policy import AnyLimit, Objective, Policy
from drillbook.model.text_limit import OwedLimit
from drillbook.policy.document import shown
from drillbook.policy.objectives import read_limit, read_parameter
from drillbook.policy.section import Section

KEYS: Final = ("limit", "reason", "parameters")


def read_given_limits(top: Section, policy: Policy | None, environment: EnvironmentClass) -> Mapping[str, GivenLimit]:
    """By objective; without a policy there is nothing to read them for."""
    if policy is None:
        return {}
    known = {o.id: o for o in policy.objectives}
    given = {}
    for name, objective, one in top.each_of("limits", KEYS, known, "objective"):
        if not isinstance(objective.limit, OwedLimit) and environment is not EnvironmentClass.SANDBOX:
            one.problem("", "the runbook gives its limit, and only a sandbox can have another")
            continue
        parameters = _parameters(one, objective, environment)
        text = one.literal("limit", "a limit such as '<= 2 s'")
        if text is None and (not parameters or isinstance(objective.limit, OwedLimit)):
            one.missing("limit", "a limit such as '<= 2 s'")
            continue
        found: AnyLimit | None = objective.limit
        if text is not None:
            found = read_limit(one, "limit", text, INDICATORS[objective.indicator], objective.limit.dimension)
        reason = one.text("reason", "why this limit, and who decided")
        if found is not None:
            given[name] = GivenLimit(found, reason, one.node.start_mark.line + 1, parameters)
    return given


def _parameters(one: Section, objective: Objective, environment: EnvironmentClass) -> Mapping[str, Any]:
    """What a sandbox asks otherwise: ``{for: 6s}`` of a condition that elsewhere must last for ten minutes."""
    known = INDICATORS[objective.indicator].parameters_for(objective.via)
    inner = one.child("parameters", tuple(known) or ("none",))
    if inner is None:
        return {}
    if environment is not EnvironmentClass.SANDBOX:
        one.problem("parameters", "the policy says how an objective is asked, and only a sandbox can ask otherwise")
        return {}
    nodes = {name: inner.get(name) for name in known}
    return {name: read_parameter(inner, name, node, known[name]) for name, node in nodes.items() if node is not None}


def with_given_limits(policy: Policy, environment: Environment) -> Policy:
    """The policy, with the limits that the environment gives in the place of its own."""

    def filled(objective: Objective) -> Objective:
        given = environment.limits.get(objective.id)
        if given is None:
            return objective
        place = f"{shown(environment.path)}:{given.line}"
        parameters = {**objective.parameters, **given.parameters}
        return replace(
            objective,
            limit=given.limit,
            parameters=parameters,
            limit_from=f"{place}: {given.reason}",
            stated=objective.limit,
        )

    return replace(policy, objectives=tuple(filled(o) for o in policy.objectives))
