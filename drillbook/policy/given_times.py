"""The ``drill_times`` of an environment: in what time a drill must recover where its runbook gives none.

A sandbox may have another time than the runbook's too: nobody waits there for the hours in which people come together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drillbook.model.environment import Environment, EnvironmentClass, GivenTime
from drillbook.model.policy import DrillPlan, Policy
from drillbook.policy.document import shown
from drillbook.policy.section import Section

KEYS: Final = ("within", "reason")


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """In what time a drill must recover, and who says so."""

    time: timedelta
    said_at: str
    """The runbook's line, or the environment's with its reason."""
    ours: bool
    """The environment's, and not the runbook's."""


def read_given_times(top: Section, policy: Policy | None, environment: EnvironmentClass) -> Mapping[str, GivenTime]:
    """By drill; without a policy there is nothing to read them for."""
    if policy is None:
        return {}
    known = {plan.id: plan for plan in policy.drills}
    given = {}
    for name, plan, one in top.each_of("drill_times", KEYS, known, "drill"):
        if documented_time(policy, plan) is not None and environment is not EnvironmentClass.SANDBOX:
            one.problem("", "the runbook gives its time, and only a sandbox can have another")
            continue
        if one.get("within") is None:
            one.missing("within", "a duration such as '15 min'")
        within = one.optional_duration("within")
        reason = one.text("reason", "why this time, and who decided")
        if within is not None:
            given[name] = GivenTime(within, reason, one.node.start_mark.line + 1)
    return given


def documented_time(policy: Policy, plan: DrillPlan) -> TimeLimit | None:
    """What the runbook says: the drill's own time, else its level's; None where it says neither."""
    if plan.within is not None:
        return TimeLimit(plan.within, str(plan.source), ours=False)
    level = policy.severities.get(plan.level)
    if level is None or level.resolution is None:
        return None
    return TimeLimit(level.resolution, f"{level.source}, {level.name}", ours=False)


def time_limit(policy: Policy, environment: Environment, plan: DrillPlan) -> TimeLimit | None:
    """What holds in that environment; None where neither it nor the runbook gives a time."""
    given = environment.drill_times.get(plan.id)
    if given is None:
        return documented_time(policy, plan)
    return TimeLimit(given.within, f"{shown(environment.path)}:{given.line}: {given.reason}", ours=True)
