"""PodDisruptionBudget: how many pods may be evicted now."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.controllers.pods import condition, is_ready, is_terminating, moment
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.kinds import (
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
    Kind,
    Object,
)
from drillbook.sandbox.store import Change, Store

COMPONENT: Final = "controllermanager"
SCALED: Final[dict[str, Kind]] = {k.name: k for k in (DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET)}
"""The kinds that say how many pods there should be."""

PATIENCE: Final = timedelta(minutes=2)
"""How long an evicted pod may take to be marked deleted before it counts as healthy again."""


class Unscaled(Exception):
    """Pods whose controller doesn't say how many of them there should be; says which pod."""


class DisruptionBudgets(Controller):
    """Keeps the budgets' status: the API server reads it when somebody asks for an eviction."""

    name = "disruption"
    watches = (DISRUPTION_BUDGET, POD, *SCALED.values())

    def __init__(self, cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(cluster)
        self._clock = clock

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is DISRUPTION_BUDGET:
            return [own_key(change.object)]
        budgets = self.store.list(DISRUPTION_BUDGET, change.namespace)
        if change.kind is not POD:
            return [own_key(budget) for budget in budgets]
        every = [labels_of(pod) for pod in (change.object, change.before) if pod is not None]
        return [own_key(b) for b in budgets if any(matches(b["spec"].get("selector"), labels) for labels in every)]

    async def reconcile(self, key: Key) -> None:
        budget = self.store.get(DISRUPTION_BUDGET, *key)
        if budget is None or is_terminating(budget):
            return
        selector = budget["spec"].get("selector")
        pods = [pod for pod in self.store.list(POD, key[0]) if matches(selector, labels_of(pod))]
        self._warn_of_unmanaged(budget, pods)
        disrupted = self._disrupted(budget, pods)
        try:
            expected, desired = wanted(self.store, budget, pods)
        except Unscaled as why:
            self._fail(budget, str(why))
            return
        healthy = sum(
            is_ready(pod) and not is_terminating(pod) and pod["metadata"]["name"] not in disrupted for pod in pods
        )
        allowed = max(0, healthy - desired) if expected else 0
        status: Object = {
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"]["generation"],
            "conditions": [
                self._condition(budget, allowed > 0, "SufficientPods" if allowed else "InsufficientPods", "")
            ],
        }
        if disrupted:
            status["disruptedPods"] = dict(disrupted)
        self.store.mutate(DISRUPTION_BUDGET, *key, lambda draft: draft.update(status=status))

    def _disrupted(self, budget: Object, pods: Sequence[Object]) -> Mapping[str, str]:
        """Pods whose eviction was granted and that are not yet marked deleted, with the time of the grant."""
        granted = (budget.get("status") or {}).get("disruptedPods") or {}
        still = {}
        for pod in pods:
            name = pod["metadata"]["name"]
            if name not in granted or is_terminating(pod):
                continue
            left = (moment(granted[name]) + PATIENCE - self._clock.now()).total_seconds()
            if left > 0:
                still[name] = granted[name]
                self.queue.add_after(own_key(budget), left + 0.05)
            else:
                text = f"Pod was expected by PDB {'/'.join(own_key(budget))} to be deleted but it wasn't"
                self.cluster.events.warning(pod, COMPONENT, "NotDeleted", text)
        return still

    def _warn_of_unmanaged(self, budget: Object, pods: Sequence[Object]) -> None:
        unmanaged = [pod["metadata"]["name"] for pod in pods if controller_of(pod) is None]
        if unmanaged and not isinstance(budget["spec"].get("minAvailable"), int):
            text = (
                "Pods selected by this PodDisruptionBudget were found to be unmanaged: "
                f"{', '.join(unmanaged)}. As a result, the status of the PDB cannot be calculated correctly, which may "
                'result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the '
                "PDB to an integer value."
            )
            self.cluster.events.warning(budget, COMPONENT, "UnmanagedPods", text)

    def _fail(self, budget: Object, why: str) -> None:
        """Fail safe: what can't be counted can't be disrupted."""
        text = f"Failed to calculate the number of expected pods: {why}"
        self.cluster.events.warning(budget, COMPONENT, "CalculateExpectedPodCountFailed", text)
        failed = self._condition(budget, False, "SyncFailed", why)

        def change(draft: Object) -> None:
            status = draft.setdefault("status", {})
            for count in ("currentHealthy", "desiredHealthy", "expectedPods"):
                status.setdefault(count, 0)
            status |= {
                "disruptionsAllowed": 0,
                "observedGeneration": budget["metadata"]["generation"],
                "conditions": [failed],
            }

        self.store.mutate(DISRUPTION_BUDGET, *own_key(budget), change)

    def _condition(self, budget: Object, allowed: bool, reason: str, message: str) -> Object:
        old, value = condition(budget, "DisruptionAllowed"), "True" if allowed else "False"
        since = old["lastTransitionTime"] if old and old["status"] == value else written(self._clock.now())
        return {
            "type": "DisruptionAllowed",
            "status": value,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
            "observedGeneration": budget["metadata"]["generation"],
        }


def wanted(store: Store, budget: Object, pods: Sequence[Object]) -> tuple[int, int]:
    """How many pods there should be, and how many of them must stay healthy. Raises Unscaled.

    An absolute ``minAvailable`` counts the pods that there are; everything else asks their controllers. A budget that
    asks for nothing expects nothing, and so allows nothing.
    """
    spec = budget["spec"]
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None:
        expected = _scale(store, pods)
        return expected, max(0, expected - share(most, expected))
    if least is None:
        return 0, 0
    if isinstance(least, int):
        return len(pods), least
    expected = _scale(store, pods)
    return expected, share(least, expected)


def share(value: int | str, of: int) -> int:
    """A number, or a percentage of ``of`` rounded up."""
    return value if isinstance(value, int) else math.ceil(int(value.rstrip("%")) * of / 100)


def _scale(store: Store, pods: Sequence[Object]) -> int:
    """The replicas that the pods' topmost controllers ask for; pods without one are left out."""
    tops: dict[str, int] = {}
    for pod in pods:
        if controller_of(pod) is None:
            continue
        top = _top(store, pod)
        if top is None:
            raise Unscaled(f'found no controllers for pod "{pod["metadata"]["name"]}"')
        tops[top["metadata"]["uid"]] = int(top["spec"].get("replicas", 1))
    return sum(tops.values())


def _top(store: Store, obj: Object) -> Object | None:
    """The controller at the top, when it is there and one that has replicas."""
    found = None
    while (owner := controller_of(obj)) is not None:
        kind = SCALED.get(owner["kind"])
        if kind is None:  # an operator's own resource above a StatefulSet, say: it isn't asked
            return found
        above = store.get(kind, str(obj["metadata"]["namespace"]), owner["name"])
        if above is None or above["metadata"]["uid"] != owner["uid"]:
            return None
        found = obj = above
    return found
