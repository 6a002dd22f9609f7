"""PodDisruptionBudgets: what a system's owners said may be down at once, honoured by drills as by a drained node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.faults.fault import Target

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object


async def budgets_allow(kube: Kube, namespace: str, targets: Sequence[Target]) -> str:
    """Whether every budget of the namespace leaves room to lose these targets at once. Read-only; raises Refused."""
    from drillbook.clients.kube import path_of, selector_text

    hit = {target.uid for target in targets if target.kind == "Pod"}
    if not hit:
        return "no pod is hit, so no disruption budget is asked"
    asked = 0
    for budget in await kube.list(path_of("poddisruptionbudgets", namespace)):
        selector = budget["spec"].get("selector")
        # In policy/v1 an empty selector means every pod of the namespace, and none at all means no pod.
        if selector is None:
            continue
        pods = await kube.list(path_of("pods", namespace), labels=selector_text(selector))
        covered = sum(pod["metadata"]["uid"] in hit for pod in pods)
        asked += bool(covered)
        if covered and (allowed := _allowed(budget)) < covered:
            raise Refused(
                f"PodDisruptionBudget {namespace}/{budget['metadata']['name']} allows {allowed} of its pods to be "
                f"disrupted now, and the drill would hit {covered}; make room, aim lower, or write "
                "`within_budgets: false` into an experiment that is meant to break it"
            )
    return f"{asked} disruption budgets cover the targets, and allow it"


def _allowed(budget: Object) -> int:
    status, meta = budget.get("status") or {}, budget["metadata"]
    if "disruptionsAllowed" not in status or status.get("observedGeneration", 0) < meta.get("generation", 0):
        raise Refused(
            f"PodDisruptionBudget {meta['namespace']}/{meta['name']} doesn't say yet how many disruptions it allows: "
            "its controller has not seen it"
        )
    return int(status["disruptionsAllowed"])
