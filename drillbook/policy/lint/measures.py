"""One quantity that a runbook limits in two units: a share in its target, an absolute number in its alert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy
from drillbook.policy.lint.finding import Finding, found

_SHARES: Final = {
    "http.error_rate": "http.error_ratio",
    "pod.cpu": "pod.cpu_ratio",
    "database.connections": "database.connections_ratio",
}
"""By indicator of an absolute number: the indicator of the same as a share of something."""


def in_two_units(policy: Policy) -> Sequence[Finding]:
    """Pairs of limits on one quantity of one component, of which one moves with the traffic or the size, one doesn't.

    They agree at one size only: 0.05 errors a second are 5 % of one request a second and 0.05 % of a hundred.
    """
    findings = []
    for absolute in policy.objectives:
        for share in policy.objectives:
            if _one_quantity(absolute, share):
                sentence = (
                    f"{absolute.indicator} of {absolute.component} is limited as {absolute.limit} in one place "
                    f"and as a share, {share.limit}, in another: they agree at one size only"
                )
                findings.append(found("two units", sentence, absolute, share))
    return findings


def _one_quantity(absolute: Objective, share: Objective) -> bool:
    return (
        _SHARES.get(absolute.indicator) == share.indicator
        and absolute.component == share.component
        and absolute.parameters.get("state") == share.parameters.get("state")
        and isinstance(absolute.limit, Limit)
        and isinstance(share.limit, Limit)
    )
