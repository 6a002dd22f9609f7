"""Two autoscalers on one target work against each other."""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.model.policy import Objective, Policy
from drillbook.policy.lint.finding import Finding, bound, found

_SEPARATE = ("cpu_target", "memory_target")


def two_on_one_target(policy: Policy) -> Sequence[Finding]:
    """Components whose documented autoscalers are more than one.

    Either the runbook counts more than one, or it gives one target for CPU and, in another place, one for memory: a
    manifest or a command each, because a single one would be stated in one place.
    """
    findings = []
    for component in dict.fromkeys(o.component for o in policy.objectives if o.indicator.startswith("autoscaler.")):
        here = [o for o in policy.objectives if o.component == component]
        for one in here:
            most = bound(one, "==", ">=", "<=") if one.indicator == "autoscaler.count" else None
            if most is not None and most > 1:
                findings.append(found("two autoscalers", f"{component} has {one.limit} autoscalers", one))
        cpu, memory = ([o for o in here if o.indicator == f"autoscaler.{kind}"] for kind in _SEPARATE)
        apart = [(a, b) for a in cpu for b in memory if not _overlap(a, b)]
        for one, other in apart[:1]:
            sentence = (
                f"{component} is scaled by CPU in one place and by memory in another: two autoscalers, one target"
            )
            findings.append(found("two autoscalers", sentence, one, other))
    return findings


def _overlap(one: Objective, other: Objective) -> bool:
    """Whether two objectives cite lines that touch: one manifest."""
    (a, b), (c, d) = one.source.lines, other.source.lines
    return one.source.document == other.source.document and a <= d + 6 and c <= b + 6
