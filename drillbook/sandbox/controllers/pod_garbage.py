"""Pods that no kubelet will end: of nodes that are deleted, and of nodes that somebody declared out of service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_finished, is_ready, is_terminating, with_condition
from drillbook.sandbox.kinds import NODE, POD, Object
from drillbook.sandbox.store import Change

QUARANTINE: Final = 40.0
"""Seconds that a Node may be missing before its pods are given up, as in Kubernetes."""
OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"
"""The taint that says that a silent node is really off, so that its pods may be replaced."""


class PodGarbage(Controller):
    """Takes them out by force: with them goes what holds up a StatefulSet's replacement."""

    name = "pod-garbage-collector"
    watches = (NODE, POD)

    def __init__(self, cluster: Cluster, elapsed: Callable[[], float] = time.monotonic) -> None:
        """``elapsed``: seconds on a clock that is never set."""
        super().__init__(cluster)
        self._elapsed = elapsed
        self._missing: dict[str, float] = {}
        """By the name of a node that isn't there: since when its pods miss it."""

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is POD:
            return [own_key(change.object)] if change.object["spec"].get("nodeName") else []
        if change.type != "DELETED":
            self._missing.pop(change.name, None)
        return [own_key(pod) for pod in self.store.list(POD) if pod["spec"].get("nodeName") == change.name]

    async def reconcile(self, key: Key) -> None:
        pod = self.store.get(POD, *key)
        if pod is None:
            places = {one["spec"].get("nodeName") for one in self.store.list(POD)} if self._missing else set()
            self._missing = {name: since for name, since in self._missing.items() if name in places}
            return
        if not pod["spec"].get("nodeName"):
            return
        name = pod["spec"]["nodeName"]
        node = self.store.get(NODE, "", name)
        if node is not None:
            if is_terminating(pod) and _out_of_service(node):
                self._remove(pod, because=None)
            return
        left = self._missing.setdefault(name, self._elapsed()) + QUARANTINE - self._elapsed()
        if left > 0:
            self.queue.add_after(key, left)
        else:
            self._remove(pod, because="PodGC: node no longer exists")

    def _remove(self, pod: Object, because: str | None) -> None:
        def fail(draft: Object) -> None:
            status = draft.setdefault("status", {})
            if because:
                conditions = status.get("conditions") or ()
                status["conditions"] = with_condition(
                    conditions, "DisruptionTarget", "True", "DeletionByPodGC", because
                )
            if not is_finished(draft):
                status["phase"] = "Failed"

        self.store.mutate(POD, *own_key(pod), fail)
        self.store.end(POD, *own_key(pod))


def _out_of_service(node: Object) -> bool:
    taints = node["spec"].get("taints") or ()
    return not is_ready(node) and any(taint["key"] == OUT_OF_SERVICE for taint in taints)
