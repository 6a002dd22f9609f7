"""NetworkPolicies: told to the guard of the network whenever they, or the labels that they look at, change."""

from __future__ import annotations

from collections.abc import Iterable

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import NAMESPACE, NETWORK_POLICY, POD
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.store import Change

_ALL = ("", "all")


class NetworkPolicies(Controller):
    """Keeps the guard up to date; with no policy it does nothing."""

    name = "network-policy"
    watches = (NETWORK_POLICY, POD, NAMESPACE)

    def __init__(self, cluster: Cluster, guard: Guard) -> None:
        super().__init__(cluster)
        self._guard = guard
        self._some = False

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is NETWORK_POLICY:
            return [_ALL]
        return [_ALL] if self._some and _matters(change) else []

    async def reconcile(self, key: Key) -> None:
        policies = [policy for policy in self.store.list(NETWORK_POLICY) if not is_terminating(policy)]
        self._some = bool(policies)
        self._guard.enforce(policies)


def _matters(change: Change) -> bool:
    """Whether a pod or a namespace can have come under another policy."""
    if change.before is None or change.type != "MODIFIED":
        return True
    old, new = change.before, change.object
    return labels_of(old) != labels_of(new) or (old.get("status") or {}).get("podIP") != (new.get("status") or {}).get(
        "podIP"
    )
