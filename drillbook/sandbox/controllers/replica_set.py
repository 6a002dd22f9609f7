"""ReplicaSet: as many pods of the template as asked for."""

from __future__ import annotations

from collections.abc import Iterable

from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key, owner_key
from drillbook.sandbox.controllers.labels import has_all, labels_of, matches
from drillbook.sandbox.controllers.pods import (
    delete,
    is_active,
    is_available,
    is_ready,
    is_terminating,
    new_pod,
    owned_pods,
    random_suffix,
    ready_for,
    with_condition,
)
from drillbook.sandbox.kinds import POD, REPLICA_SET, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

COMPONENT = "replicaset-controller"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class ReplicaSets(Controller):
    """Creates and deletes pods until there are as many as wanted."""

    name = "replicaset"
    watches = (REPLICA_SET, POD)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is REPLICA_SET:
            return [own_key(change.object)]
        if controller_of(change.object):
            return owner_key(change.object, REPLICA_SET)
        labels = labels_of(change.object)
        return [
            own_key(found)
            for found in self.store.list(REPLICA_SET, change.namespace)
            if matches(found["spec"].get("selector"), labels)
        ]

    async def reconcile(self, key: Key) -> None:
        replica_set = self.store.get(REPLICA_SET, *key)
        if replica_set is None:
            return
        pods = owned_pods(self.store, replica_set)
        if not is_terminating(replica_set):
            wanted = int(replica_set["spec"].get("replicas", 1))
            active = [pod for pod in pods if is_active(pod)]
            for _ in range(wanted - len(active)):
                self._create(replica_set)
            for pod in sorted(active, key=_worth)[: max(0, len(active) - wanted)]:
                delete(self.store, POD, pod)
                self.cluster.events.normal(
                    replica_set, COMPONENT, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"
                )
        self._tell_status(key)

    def _create(self, replica_set: Object) -> None:
        name = f"{replica_set['metadata']['name']}-{random_suffix()}"
        try:
            create(self.store, POD, new_pod(replica_set, replica_set["spec"]["template"], name))
        except ApiError as error:
            self.cluster.events.warning(replica_set, COMPONENT, "FailedCreate", f"Error creating: {error.message}")
            self._tell_status(own_key(replica_set), error.message)
            raise
        self.cluster.events.normal(replica_set, COMPONENT, "SuccessfulCreate", f"Created pod: {name}")

    def _tell_status(self, key: Key, failure: str | None = None) -> None:
        replica_set = self.store.need(REPLICA_SET, *key)
        pods = [pod for pod in owned_pods(self.store, replica_set) if is_active(pod)]
        labels = (replica_set["spec"]["template"].get("metadata") or {}).get("labels")
        patience = int(replica_set["spec"].get("minReadySeconds", 0))
        ready = [pod for pod in pods if is_ready(pod)]
        counts = {
            "fullyLabeledReplicas": sum(has_all(labels, labels_of(pod)) for pod in pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(is_available(pod, patience) for pod in ready),
        }
        status: Object = {"replicas": len(pods)} | {name: count for name, count in counts.items() if count}
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        if failure is not None:
            # The message names the pod of the first failure; a new one each time would be a change that wakes us again.
            known = (replica_set.get("status") or {}).get("conditions")
            status["conditions"] = known or with_condition((), "ReplicaFailure", "True", "FailedCreate", failure)
        self.store.mutate(REPLICA_SET, *key, lambda draft: draft.update(status=status))
        if counts["availableReplicas"] < len(ready):
            waiting = [patience - ready_for(pod) for pod in ready if not is_available(pod, patience)]
            self.queue.add_after(key, min(waiting) + 0.05)


def _worth(pod: Object) -> tuple[bool, int, bool, int, float, int]:
    """Smallest is deleted first: unscheduled, pending, cheap, not ready, ready for the shortest time, restarting."""
    status = pod.get("status") or {}
    restarts = sum(c.get("restartCount", 0) for c in status.get("containerStatuses") or ())
    cost = int((pod["metadata"].get("annotations") or {}).get(DELETION_COST, 0))
    return (
        bool(pod["spec"].get("nodeName")),
        int(status.get("phase") == "Running"),
        is_ready(pod),
        cost,
        ready_for(pod),
        -restarts,
    )
