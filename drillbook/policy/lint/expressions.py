"""Documented expressions that don't say what their threshold means: tried, by Prometheus' own ``promtool``.

What is asked of a running Prometheus is the rule that it has loaded, or the query as it should be; what the runbook
writes (``documented``) is tried here, on series with the fault and without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from drillbook.clients.promtool import AlertRule, wrong_on
from drillbook.model.expression import spoken_of
from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy
from drillbook.model.scenarios import SCENARIOS
from drillbook.places import program
from drillbook.policy.lint.finding import Finding, found


def misleading(policy: Policy) -> Sequence[Finding]:
    """Expressions of the runbook that are silent on what their threshold speaks of, or fire on something else."""
    if untried(policy):
        return ()
    return asyncio.run(_all_tried(policy))


def untried(policy: Policy) -> str:
    """Why this machine can't try the expressions of a policy; empty where it can, or there are none."""
    if program("promtool") or not _documented(policy):
        return ""
    return (
        f"{policy.system}: its expressions weren't tried, for this machine has no promtool: scripts/prometheus gets it"
    )


async def _all_tried(policy: Policy) -> list[Finding]:
    findings = []
    for asking in _documented(policy):
        subject = spoken_of(policy, str(asking.parameters["of"]))
        documented = str(asking.parameters["documented"])
        expression = subject.alerting(documented) if asking.indicator == "query.findings" else documented
        wrong = await wrong_on(AlertRule("Documented", expression), subject.scenarios, subject.labels)
        if wrong:
            sentence = f"{documented}, as an alert on {subject.objective.id}: {'; '.join(wrong)}"
            findings.append(found("an expression that misleads", sentence, asking, subject.objective))
    return findings


def _documented(policy: Policy) -> list[Objective]:
    """The objectives that keep a documented expression, about something that there are scenarios of."""
    triable = {one.id for one in policy.objectives if one.indicator in SCENARIOS and isinstance(one.limit, Limit)}
    return [
        one for one in policy.objectives if one.parameters.get("documented") and one.parameters.get("of") in triable
    ]
