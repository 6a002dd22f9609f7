"""An alert that can't fire: its threshold lies above the resource limit that the same runbook documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drillbook.model.policy import Objective, Policy
from drillbook.policy.lint.finding import Finding, bound, found

_CAPPED: Final = {
    "pod.cpu": ("workload.cpu", {"bound": "limit"}),
    "database.connections": ("database.max_connections", {}),
}
"""What a level of use is capped by: an indicator, and the parameters that it must have."""


def never_firing(policy: Policy) -> Sequence[Finding]:
    """Upper limits on a use that the documented cap of the same component keeps from ever being reached."""
    findings = []
    for used in policy.objectives:
        if _at_its_own_limit(used):
            sentence = f"{used.id} can never be broken: {used.component} is killed before it uses all of its limit"
            findings.append(found("an alert that can't fire", sentence, used))
        if used.indicator not in _CAPPED or (level := bound(used, "<", "<=")) is None:
            continue
        for cap in _caps(used, policy):
            most = bound(cap, "==", "<=")
            # "<= 2 cores" is broken above 2 only, and nothing gets above a cap of 2; "< 2" is broken at 2.
            if most is not None and (level > most or (level == most and bound(used, "<=") is not None)):
                sentence = f"{used.id} can never be broken: {used.component} is capped at {cap.limit}"
                findings.append(found("an alert that can't fire", sentence, used, cap))
    return findings


def _at_its_own_limit(used: Objective) -> bool:
    """Memory is no more than its limit: what would take more is killed, and its successor starts with little."""
    level = bound(used, "<", "<=") if used.indicator == "pod.memory_ratio" else None
    return level is not None and level >= 1 and used.parameters.get("of") == "limit"


def _caps(used: Objective, policy: Policy) -> list[Objective]:
    indicator, wanted = _CAPPED[used.indicator]
    return [
        one
        for one in policy.objectives
        if (one.indicator, one.component) == (indicator, used.component)
        and all(one.parameters.get(name) == value for name, value in wanted.items())
    ]
