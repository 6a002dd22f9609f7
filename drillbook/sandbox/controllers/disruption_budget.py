"""PodDisruptionBudget: how many pods may be evicted now."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.controllers.pods import is_active, is_ready, is_terminating, with_condition
from drillbook.sandbox.kinds import (
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    POD,
    REPLICA_SET,
    STATEFUL_SET,
    Kind,
    Object,
)
from drillbook.sandbox.store import Change, Store

SCALED: Final[dict[str, Kind]] = {k.name: k for k in (DEPLOYMENT, REPLICA_SET, STATEFUL_SET)}


class DisruptionBudgets(Controller):
    """Keeps the budgets' status: the API server reads it when somebody asks for an eviction."""

    name = "disruption"
    watches = (DISRUPTION_BUDGET, POD, DEPLOYMENT, REPLICA_SET, STATEFUL_SET)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is DISRUPTION_BUDGET:
            return [own_key(change.object)]
        budgets = self.store.list(DISRUPTION_BUDGET, change.namespace)
        if change.kind is not POD:
            return [own_key(budget) for budget in budgets]
        labels = labels_of(change.object)
        return [own_key(budget) for budget in budgets if matches(budget["spec"].get("selector"), labels)]

    async def reconcile(self, key: Key) -> None:
        budget = self.store.get(DISRUPTION_BUDGET, *key)
        if budget is None or is_terminating(budget):
            return
        pods = [
            pod
            for pod in self.store.list(POD, key[0])
            if is_active(pod) and matches(budget["spec"].get("selector"), labels_of(pod))
        ]
        expected, desired = wanted(self.store, budget, pods)
        healthy = sum(map(is_ready, pods))
        allowed = max(0, healthy - desired) if expected else 0
        status: Object = {
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"]["generation"],
            "conditions": with_condition(
                (budget.get("status") or {}).get("conditions") or (),
                "DisruptionAllowed",
                "True" if allowed else "False",
                "SufficientPods" if allowed else "InsufficientPods",
                observedGeneration=budget["metadata"]["generation"],
            ),
        }
        self.store.mutate(DISRUPTION_BUDGET, *key, lambda draft: draft.update(status=status))


def wanted(store: Store, budget: Object, pods: list[Object]) -> tuple[int, int]:
    """How many pods there should be, and how many of them must stay healthy."""
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        expected = _scale(store, pods)
        return expected, max(0, expected - _share(spec["maxUnavailable"], expected))
    least = spec.get("minAvailable", 1)
    if isinstance(least, int):
        return len(pods), least
    expected = _scale(store, pods)
    return expected, _share(least, expected)


def _share(value: int | str, of: int) -> int:
    """A number, or a percentage rounded up."""
    return value if isinstance(value, int) else math.ceil(float(value.rstrip("%")) / 100 * of)


def _scale(store: Store, pods: list[Object]) -> int:
    """The replicas that the pods' topmost controllers ask for."""
    tops: dict[str, int] = {}
    for pod in pods:
        top = _top(store, pod)
        if top is not None:
            tops[top["metadata"]["uid"]] = int(top["spec"].get("replicas", 1))
    return sum(tops.values())


def _top(store: Store, obj: Object) -> Object | None:
    found = None
    while (owner := controller_of(obj)) is not None and owner["kind"] in SCALED:
        above = store.get(SCALED[owner["kind"]], str(obj["metadata"]["namespace"]), owner["name"])
        if above is None:
            break
        found = obj = above
    return found
