"""Pods on a node with a ``NoExecute`` taint go: at once, or when the seconds of their toleration are over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import delete, is_terminating, with_condition
from drillbook.sandbox.controllers.tolerations import toleration_of
from drillbook.sandbox.kinds import NODE, POD, Object
from drillbook.sandbox.store import Change

COMPONENT: Final = "taint-eviction-controller"


class TaintEviction(Controller):
    """Deletes such pods; it asks no disruption budget, as Kubernetes' doesn't."""

    name = "taint-eviction"
    watches = (POD, NODE)

    def __init__(self, cluster: Cluster, elapsed: Callable[[], float] = time.monotonic) -> None:
        """``elapsed``: seconds on a clock that is never set."""
        super().__init__(cluster)
        self._elapsed = elapsed
        self._since: dict[str, float] = {}
        """By the pod's uid: since when its node has been tainted."""

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is POD:
            return [own_key(change.object)]
        if change.type == "MODIFIED" and change.before and _taints(change.before) == _taints(change.object):
            return []
        return [own_key(pod) for pod in self.store.list(POD) if pod["spec"].get("nodeName") == change.name]

    async def reconcile(self, key: Key) -> None:
        pod = self.store.get(POD, *key)
        if pod is None:
            there = {one["metadata"]["uid"] for one in self.store.list(POD)} if self._since else set()
            self._since = {uid: since for uid, since in self._since.items() if uid in there}
            return
        uid = pod["metadata"]["uid"]
        node = self.store.get(NODE, "", pod["spec"].get("nodeName") or "")
        borne = seconds_borne(pod["spec"], _taints(node) if node else [])
        if borne is None or is_terminating(pod):
            self._since.pop(uid, None)
            return
        left = self._since.setdefault(uid, self._elapsed()) + borne - self._elapsed()
        if left > 0:
            self.queue.add_after(key, left)
            return
        self._since.pop(uid)
        self._evict(pod)

    def _evict(self, pod: Object) -> None:
        namespace, name = own_key(pod)
        self.cluster.events.normal(
            pod, COMPONENT, "TaintManagerEviction", f"Marking for deletion Pod {namespace}/{name}"
        )

        def tell(draft: Object) -> None:
            status = draft.setdefault("status", {})
            why = "Taint manager: deleting due to NoExecute taint"
            status["conditions"] = with_condition(
                status.get("conditions") or (), "DisruptionTarget", "True", "DeletionByTaintManager", why
            )

        delete(self.store, POD, self.store.mutate(POD, namespace, name, tell))


def seconds_borne(spec: Object, taints: list[Object]) -> float | None:
    """How long a pod may stay on a node with these ``NoExecute`` taints: None for ever, 0 not at all."""
    answers = [toleration_of(spec, taint) for taint in taints]
    limits = [
        max(0.0, float(answer["tolerationSeconds"]))
        for answer in answers
        if answer is not None and answer.get("tolerationSeconds") is not None
    ]
    if None in answers:
        return 0.0
    return min(limits, default=None)


def _taints(node: Object) -> list[Object]:
    return [taint for taint in node["spec"].get("taints") or () if taint["effect"] == "NoExecute"]
