"""StatefulSet: pods with names, claims and an order that stay."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Final

from drillbook.sandbox.controllers import stateful_revisions
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, controller_of, own_key, owner_key, owner_reference
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.controllers.pods import (
    delete,
    is_available,
    is_finished,
    is_ready,
    is_terminating,
    new_pod,
    owned_pods,
)
from drillbook.sandbox.controllers.stateful_revisions import REVISION_LABEL, Revisions
from drillbook.sandbox.kinds import CLAIM, POD, STATEFUL_SET, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

COMPONENT: Final = "statefulset-controller"
POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
POD_INDEX: Final = "apps.kubernetes.io/pod-index"


class StatefulSets(Controller):
    """Moves each StatefulSet one step: ordered sets change one pod at a time and wait for it to be ready."""

    name = "statefulset"
    watches = (STATEFUL_SET, POD)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is STATEFUL_SET:
            return [own_key(change.object)]
        if controller_of(change.object):
            return owner_key(change.object, STATEFUL_SET)
        labels = labels_of(change.object)
        return [
            own_key(found)
            for found in self.store.list(STATEFUL_SET, change.namespace)
            if matches(found["spec"].get("selector"), labels)
        ]

    async def reconcile(self, key: Key) -> None:
        stateful_set = self.store.get(STATEFUL_SET, *key)
        if stateful_set is None:
            return
        revisions = stateful_revisions.keep(self.store, stateful_set)
        if not is_terminating(stateful_set):
            self._step(stateful_set, revisions)
        self._tell_status(key, revisions)

    def _step(self, stateful_set: Object, revisions: Revisions) -> None:
        pods = {ordinal_of(pod): pod for pod in owned_pods(self.store, stateful_set) if ordinal_of(pod) >= 0}
        first = int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))
        wanted = range(first, first + int(stateful_set["spec"].get("replicas", 1)))
        ordered = stateful_set["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        for pod in [pod for pod in pods.values() if is_finished(pod) and not is_terminating(pod)]:
            delete(self.store, POD, pod)
        if not self._fill(stateful_set, revisions, wanted, pods, ordered=ordered):
            return
        surplus = sorted((ordinal for ordinal in pods if ordinal not in wanted), reverse=True)
        for ordinal in surplus:
            if not is_terminating(pods[ordinal]):
                self._delete(stateful_set, pods[ordinal])
            if ordered:
                return
        if not surplus:
            self._update(stateful_set, revisions, [pods[o] for o in wanted if o in pods])

    def _fill(
        self, stateful_set: Object, revisions: Revisions, wanted: range, pods: dict[int, Object], *, ordered: bool
    ) -> bool:
        """Create what is missing; False while an ordered set must wait for one of its pods."""
        for ordinal in wanted:
            found = pods.get(ordinal)
            if found is None:
                self._create(stateful_set, revisions, ordinal, pods)
            if ordered and (found is None or not is_ready(found) or is_terminating(found)):
                return False
        return True

    def _update(self, stateful_set: Object, revisions: Revisions, pods: Sequence[Object]) -> None:
        """Replace pods of the old template, the last one first, each after the one before it is ready again."""
        strategy = stateful_set["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        partition = int((strategy.get("rollingUpdate") or {}).get("partition", 0))
        for pod in reversed(pods):
            if ordinal_of(pod) < partition:
                return
            if is_terminating(pod):
                return
            if labels_of(pod).get(REVISION_LABEL) != revisions.update:
                self._delete(stateful_set, pod)
                return
            if not is_ready(pod):
                return

    def _create(self, stateful_set: Object, revisions: Revisions, ordinal: int, pods: dict[int, Object]) -> None:
        name = f"{stateful_set['metadata']['name']}-{ordinal}"
        strategy = (stateful_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        # Below the partition a lost pod comes back as it was, not as the update would have it.
        old = ordinal < int(strategy.get("partition", 0)) and revisions.current_template is not None
        template = copy.deepcopy(
            revisions.current_template if old and revisions.current_template else stateful_set["spec"]["template"]
        )
        pod = new_pod(stateful_set, template, name)
        labels = pod["metadata"].setdefault("labels", {})
        labels |= {
            REVISION_LABEL: revisions.current if old else revisions.update,
            POD_NAME: name,
            POD_INDEX: str(ordinal),
        }
        pod["spec"]["hostname"] = name
        if stateful_set["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
        self._claim(stateful_set, pod, ordinal)
        try:
            pods[ordinal] = create(self.store, POD, pod)
        except ApiError as error:
            text = f"create Pod {name} in StatefulSet {stateful_set['metadata']['name']} failed error: {error.message}"
            self.cluster.events.warning(stateful_set, COMPONENT, "FailedCreate", text)
            raise
        self.cluster.events.normal(
            stateful_set,
            COMPONENT,
            "SuccessfulCreate",
            f"create Pod {name} in StatefulSet {stateful_set['metadata']['name']} successful",
        )

    def _claim(self, stateful_set: Object, pod: Object, ordinal: int) -> None:
        """Each claim template becomes a claim of this ordinal: made once, and kept when the pod goes."""
        volumes = [v for v in pod["spec"].get("volumes") or () if v["name"] not in _template_names(stateful_set)]
        for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
            stem = template["metadata"]["name"]
            name = f"{stem}-{stateful_set['metadata']['name']}-{ordinal}"
            volumes.append({"name": stem, "persistentVolumeClaim": {"claimName": name}})
            namespace = stateful_set["metadata"]["namespace"]
            if self.store.get(CLAIM, namespace, name) is None:
                labels = dict((stateful_set["spec"]["selector"] or {}).get("matchLabels") or {})
                meta: Object = {"name": name, "namespace": namespace, "labels": labels}
                policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
                if policy.get("whenDeleted") == "Delete":
                    meta["ownerReferences"] = [owner_reference(stateful_set)]
                create(self.store, CLAIM, {"metadata": meta, "spec": copy.deepcopy(template["spec"])})
        if volumes:
            pod["spec"]["volumes"] = volumes

    def _delete(self, stateful_set: Object, pod: Object) -> None:
        delete(self.store, POD, pod)
        self.cluster.events.normal(
            stateful_set,
            COMPONENT,
            "SuccessfulDelete",
            f"delete Pod {pod['metadata']['name']} in StatefulSet {stateful_set['metadata']['name']} successful",
        )

    def _tell_status(self, key: Key, revisions: Revisions) -> None:
        stateful_set = self.store.need(STATEFUL_SET, *key)
        pods = [pod for pod in owned_pods(self.store, stateful_set) if not is_terminating(pod)]
        patience = int(stateful_set["spec"].get("minReadySeconds", 0))
        wanted = int(stateful_set["spec"].get("replicas", 1))
        updated = [pod for pod in pods if labels_of(pod).get(REVISION_LABEL) == revisions.update]
        current = [pod for pod in pods if labels_of(pod).get(REVISION_LABEL) == revisions.current]
        ready = [pod for pod in pods if is_ready(pod)]
        complete = len(updated) == wanted == len(pods) and all(is_ready(pod) for pod in updated)
        status: Object = {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": len(pods),
            "availableReplicas": sum(is_available(pod, patience) for pod in ready),
            "currentRevision": revisions.update if complete else revisions.current,
            "updateRevision": revisions.update,
            "collisionCount": 0,
        }
        counts = {
            "readyReplicas": len(ready),
            "currentReplicas": len(updated if complete else current),
            "updatedReplicas": len(updated),
        }
        status |= {name: count for name, count in counts.items() if count}
        self.store.mutate(STATEFUL_SET, *key, lambda draft: draft.update(status=status))


def ordinal_of(pod: Object) -> int:
    """The number at the end of the pod's name; -1 for a name without one."""
    last = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(last) if last.isdigit() else -1


def _template_names(stateful_set: Object) -> set[str]:
    return {t["metadata"]["name"] for t in stateful_set["spec"].get("volumeClaimTemplates") or ()}
