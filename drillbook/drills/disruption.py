"""PodDisruptionBudgets: what a system's owners said may be down at once, honoured by drills as by a drained node.

A drill that hits a Deployment, or the Service in front of it, takes its pods out as surely as one that kills them. So
each target is asked for the pods that go with it, and all of them count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Candidate, Target
from drillbook.faults.objects import path_to
from drillbook.faults.workloads import read_workload, workload_of
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

_SELECTING: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Service"})
"""Kinds of targets that say by a selector which pods are theirs."""


@dataclass(frozen=True, slots=True)
class Hit:
    """The pods that go with one target."""

    uids: frozenset[str]
    most: int
    """How many of them at the same time."""


async def budgets_allow(kube: Kube, component: Component, hit: Sequence[Candidate]) -> str:
    """Whether every budget of the namespace leaves room to lose what these take along. Read-only; raises Refused."""
    from drillbook.clients.kube import path_of, selector_text

    hits = [await _pods_of(kube, component, one) for one in hit if one.pods]
    if not hits:
        return "no pod is hit, so no disruption budget is asked"
    namespace, asked = component.namespace, 0
    for budget in await kube.list(path_of("poddisruptionbudgets", namespace)):
        selector = budget["spec"].get("selector")
        # In policy/v1 an empty selector means every pod of the namespace, and none at all means no pod.
        if selector is None:
            continue
        pods = await _uids(kube, namespace, labels=selector_text(selector))
        covered = sum(min(len(one.uids & pods), one.most) for one in hits)
        asked += bool(covered)
        if covered and (allowed := _allowed(budget)) < covered:
            raise Refused(
                f"PodDisruptionBudget {namespace}/{budget['metadata']['name']} allows {allowed} of its pods to be "
                f"disrupted now, and the drill would hit {covered}; make room, aim lower, or write "
                "`within_budgets: false` into an experiment that is meant to break it"
            )
    return f"{asked} disruption budgets cover the targets, and allow it"


async def _pods_of(kube: Kube, component: Component, candidate: Candidate) -> Hit:
    """Which pods go with it: those that it selects or holds, else the component's, as a database's one."""
    target = candidate.target
    if target.kind == "Pod":
        return Hit(frozenset({target.uid}), 1)
    if target.kind == "Node":
        # Evictions ask the budgets themselves, one pod after the other: one must be possible.
        return Hit(await _uids(kube, component.namespace, fields=f"spec.nodeName={target.name}"), 1)
    if target.kind == "Namespace" or target.kind in _SELECTING:
        uids = await (_selected(kube, target) if target.kind in _SELECTING else _uids(kube, target.name))
        return Hit(uids, len(uids))
    state = await read_workload(kube, workload_of(component), component.namespace)
    return Hit(frozenset(pod["metadata"]["uid"] for pod in state.pods), candidate.pods)


async def _selected(kube: Kube, target: Target) -> frozenset[str]:
    from drillbook.clients.kube import selector_text

    selector = (await kube.get(path_to(target)))["spec"].get("selector")
    # A Service without one leads to no pod that anybody could name.
    return await _uids(kube, target.namespace, labels=selector_text(selector)) if selector else frozenset()


async def _uids(kube: Kube, namespace: str, **of: Any) -> frozenset[str]:
    from drillbook.clients.kube import path_of

    return frozenset(pod["metadata"]["uid"] for pod in await kube.list(path_of("pods", namespace), **of))


def _allowed(budget: Object) -> int:
    status, meta = budget.get("status") or {}, budget["metadata"]
    if "disruptionsAllowed" not in status or status.get("observedGeneration", 0) < meta.get("generation", 0):
        raise Refused(
            f"PodDisruptionBudget {meta['namespace']}/{meta['name']} doesn't say yet how many disruptions it allows: "
            "its controller has not seen it; wait a moment, or see "
            f"`kubectl -n {meta['namespace']} get poddisruptionbudget {meta['name']} -o yaml`"
        )
    return int(status["disruptionsAllowed"])
