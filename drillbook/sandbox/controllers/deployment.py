"""Deployment: one ReplicaSet per pod template, and a careful walk from the old ones to the new one."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from drillbook.sandbox.controllers import deployment_status
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import (
    Controller,
    Key,
    controller_of,
    own_key,
    owner_key,
    owner_reference,
)
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.controllers.pods import delete, is_active, is_terminating
from drillbook.sandbox.controllers.rollout import leeway, new_size, proportional
from drillbook.sandbox.controllers.templates import HASH_LABEL, same_template, template_hash
from drillbook.sandbox.kinds import DEPLOYMENT, POD, REPLICA_SET, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

COMPONENT = "deployment-controller"
REVISION = "deployment.kubernetes.io/revision"
EARLIER = "deployment.kubernetes.io/revision-history"
"""On a ReplicaSet that a rollback took up again: the revisions that it had before, separated by commas."""
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REVISION, EARLIER, DESIRED, MOST})


class Deployments(Controller):
    """Keeps the ReplicaSets of each Deployment."""

    name = "deployment"
    watches = (DEPLOYMENT, REPLICA_SET, POD)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is DEPLOYMENT:
            return [own_key(change.object)]
        if change.kind is REPLICA_SET:
            return owner_key(change.object, DEPLOYMENT) or self._possible_owners(change.object)
        # Only Recreate waits for pods themselves: for the last old one to be gone.
        owner = controller_of(change.object)
        if change.type != "DELETED" or owner is None:
            return []
        replica_set = self.store.get(REPLICA_SET, change.namespace, owner["name"])
        return owner_key(replica_set, DEPLOYMENT) if replica_set else []

    async def reconcile(self, key: Key) -> None:
        deployment = self.store.get(DEPLOYMENT, *key)
        if deployment is None:
            return
        owned = self._owned(deployment)
        new = next((rs for rs in owned if same_template(rs["spec"]["template"], deployment["spec"]["template"])), None)
        if not is_terminating(deployment):
            if deployment["spec"].get("paused"):
                self._scale(deployment, new, [rs for rs in owned if rs is not new])
            else:
                new = self._new(deployment, new, owned)
                old = [rs for rs in self._owned(deployment) if rs["metadata"]["uid"] != new["metadata"]["uid"]]
                if self._is_scaling(deployment, [new, *old]):
                    self._scale(deployment, new, old)
                elif (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
                    self._recreate(deployment, new, old)
                else:
                    self._roll(deployment, new, old)
                self._clean_up(deployment, old)
        self._tell_status(key, new)

    def _possible_owners(self, replica_set: Object) -> list[Key]:
        labels = labels_of(replica_set)
        found = self.store.list(DEPLOYMENT, replica_set["metadata"]["namespace"])
        return [own_key(d) for d in found if matches(d["spec"].get("selector"), labels)]

    def _owned(self, deployment: Object) -> list[Object]:
        """Its ReplicaSets, oldest first; matching ones without a controller are adopted."""
        uid, namespace = deployment["metadata"]["uid"], deployment["metadata"]["namespace"]
        owned = []
        for found in self.store.list(REPLICA_SET, namespace):
            controller = controller_of(found)
            if controller is None and matches(deployment["spec"].get("selector"), labels_of(found)):
                controller = owner_reference(deployment)
                found = self._adopt(found, controller)
            if controller and controller["uid"] == uid:
                owned.append(found)
        return sorted(owned, key=lambda rs: (revision_of(rs), rs["metadata"]["creationTimestamp"]))

    def _adopt(self, replica_set: Object, reference: Object) -> Object:
        def adopt(draft: Object) -> None:
            draft["metadata"]["ownerReferences"] = [reference]

        return self.store.mutate(REPLICA_SET, *own_key(replica_set), adopt)

    def _new(self, deployment: Object, new: Object | None, owned: Sequence[Object]) -> Object:
        """The ReplicaSet of the current template, made if need be, with the newest revision number."""
        others = [revision_of(rs) for rs in owned if new is None or rs["metadata"]["uid"] != new["metadata"]["uid"]]
        revision = max([0, *others]) + 1
        if new is not None:
            revision = max(revision, revision_of(new))
        wanted = int(deployment["spec"].get("replicas", 1))
        allowed = leeway(deployment["spec"])
        annotations = {
            key: value
            for key, value in (deployment["metadata"].get("annotations") or {}).items()
            if key not in _NOT_COPIED
        } | {REVISION: str(revision)}
        if new is None:
            sizes = [int(rs["spec"].get("replicas", 1)) for rs in owned]
            size = new_size(wanted, allowed, 0, sizes)
            if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate" and any(sizes):
                size = 0
            new = self._create(
                deployment, size, annotations | {DESIRED: str(wanted), MOST: str(wanted + allowed.surge)}
            )
        else:
            patience = deployment["spec"].get("minReadySeconds", 0)

            def update(draft: Object) -> None:
                noted = draft["metadata"].setdefault("annotations", {})
                before = noted.get(REVISION)
                if before not in {None, str(revision)}:
                    noted[EARLIER] = ",".join(filter(None, (noted.get(EARLIER), before)))
                noted.update(annotations)
                if draft["spec"].get("minReadySeconds", 0) != patience:
                    draft["spec"]["minReadySeconds"] = patience

            new = self.store.mutate(REPLICA_SET, *own_key(new), update)
        if (deployment["metadata"].get("annotations") or {}).get(REVISION) != str(revision):

            def note(draft: Object) -> None:
                draft["metadata"].setdefault("annotations", {})[REVISION] = str(revision)

            self.store.mutate(DEPLOYMENT, *own_key(deployment), note)
        return new

    def _create(self, deployment: Object, size: int, annotations: dict[str, str]) -> Object:
        template = copy.deepcopy(deployment["spec"]["template"])
        collisions = int((deployment.get("status") or {}).get("collisionCount", 0))
        namespace = deployment["metadata"]["namespace"]
        while True:
            digest = template_hash(template, collisions)
            name = f"{deployment['metadata']['name']}-{digest}"
            if self.store.get(REPLICA_SET, namespace, name) is None:
                break
            collisions += 1
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH_LABEL] = digest
        selector = copy.deepcopy(deployment["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = digest
        spec: Object = {"replicas": size, "selector": selector, "template": template}
        if deployment["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = deployment["spec"]["minReadySeconds"]
        meta = {
            "name": name,
            "namespace": namespace,
            "labels": dict(template["metadata"]["labels"]),
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        }
        new = create(self.store, REPLICA_SET, {"metadata": meta, "spec": spec, "status": {"replicas": 0}})
        if size:
            self.cluster.events.normal(
                deployment, COMPONENT, "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}"
            )
        return new

    def _is_scaling(self, deployment: Object, owned: Sequence[Object]) -> bool:
        wanted = str(deployment["spec"].get("replicas", 1))
        return any(
            int(rs["spec"].get("replicas", 1)) > 0
            and (rs["metadata"].get("annotations") or {}).get(DESIRED, wanted) != wanted
            for rs in owned
        )

    def _scale(self, deployment: Object, new: Object | None, old: Sequence[Object]) -> None:
        """The Deployment was given another size: spread it over what is there, without moving the rollout on."""
        wanted = int(deployment["spec"].get("replicas", 1))
        everything = [rs for rs in [new, *old] if rs is not None]
        running = [rs for rs in everything if int(rs["spec"].get("replicas", 1)) > 0]
        if len(running) <= 1 or (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            only = running[0] if running else (new or (everything[-1] if everything else None))
            if only is not None:
                self._resize(deployment, only, wanted)
            return
        total = wanted + leeway(deployment["spec"]).surge if wanted else 0
        sizes = [int(rs["spec"].get("replicas", 1)) for rs in running]
        planned = [int((rs["metadata"].get("annotations") or {}).get(MOST, sum(sizes))) for rs in running]
        for rs, size in zip(running, proportional(sizes, total, planned), strict=True):
            self._resize(deployment, rs, size)

    def _recreate(self, deployment: Object, new: Object, old: Sequence[Object]) -> None:
        for rs in old:
            self._resize(deployment, rs, 0)
        old_uids = {rs["metadata"]["uid"] for rs in old}
        for pod in self.store.list(POD, deployment["metadata"]["namespace"]):
            owner = controller_of(pod)
            if owner and owner["uid"] in old_uids and (is_active(pod) or is_terminating(pod)):
                return
        self._resize(deployment, new, int(deployment["spec"].get("replicas", 1)))

    def _roll(self, deployment: Object, new: Object, old: Sequence[Object]) -> None:
        wanted, allowed = int(deployment["spec"].get("replicas", 1)), leeway(deployment["spec"])
        sizes = [int(rs["spec"].get("replicas", 1)) for rs in [new, *old]]
        target = new_size(wanted, allowed, sizes[0], sizes)
        if target != sizes[0]:
            self._resize(deployment, new, target)
            return
        self._resize(deployment, new, target)
        if not any(sizes[1:]):
            return
        new_missing = sizes[0] - _count(new, "availableReplicas")
        spare = sum(sizes) - (wanted - allowed.unavailable) - new_missing
        if spare <= 0:
            return
        # First what doesn't work anyway, then what does, as far as enough stay available.
        for rs in old:
            size = int(rs["spec"].get("replicas", 1))
            broken = min(size - _count(rs, "availableReplicas"), spare)
            if broken > 0:
                self._resize(deployment, rs, size - broken)
                spare -= broken
        current = [self.store.need(REPLICA_SET, *own_key(rs)) for rs in [new, *old]]
        available = sum(_count(rs, "availableReplicas") for rs in current)
        spare = available - (wanted - allowed.unavailable)
        for rs in current[1:]:
            size = int(rs["spec"].get("replicas", 1))
            step = min(size, spare)
            if step > 0:
                self._resize(deployment, rs, size - step)
                spare -= step

    def _resize(self, deployment: Object, replica_set: Object, size: int) -> None:
        wanted = int(deployment["spec"].get("replicas", 1))
        most = wanted + leeway(deployment["spec"]).surge
        before = int(replica_set["spec"].get("replicas", 1))

        def change(draft: Object) -> None:
            draft["spec"]["replicas"] = size
            draft["metadata"].setdefault("annotations", {}).update({DESIRED: str(wanted), MOST: str(most)})

        self.store.mutate(REPLICA_SET, *own_key(replica_set), change)
        if size != before:
            self.cluster.events.normal(
                deployment,
                COMPONENT,
                "ScalingReplicaSet",
                f"Scaled {'up' if size > before else 'down'} replica set {replica_set['metadata']['name']} "
                f"from {before} to {size}",
            )

    def _clean_up(self, deployment: Object, old: Sequence[Object]) -> None:
        if not deployment_status.is_complete(self.store.need(DEPLOYMENT, *own_key(deployment))):
            return
        limit = int(deployment["spec"].get("revisionHistoryLimit", 10))
        idle = [
            rs
            for rs in old
            if not int(rs["spec"].get("replicas", 1)) and not _count(rs, "replicas") and not is_terminating(rs)
        ]
        for rs in idle[: max(0, len(idle) - limit)]:
            delete(self.store, REPLICA_SET, rs)

    def _tell_status(self, key: Key, new: Object | None) -> None:
        try:
            deployment = self.store.need(DEPLOYMENT, *key)
        except ApiError:  # deleted meanwhile
            return
        owned = self._owned(deployment)
        newest = next((rs for rs in owned if new is not None and rs["metadata"]["uid"] == new["metadata"]["uid"]), None)
        status = deployment_status.of(deployment, newest, owned)
        self.store.mutate(DEPLOYMENT, *key, lambda draft: draft.update(status=status))
        wait = deployment_status.until_deadline(deployment, status)
        if wait is not None:
            self.queue.add_after(key, wait)


def revision_of(replica_set: Object) -> int:
    """Its revision number; 0 before it has one."""
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, 0))


def _count(replica_set: Object, field: str) -> int:
    return int((replica_set.get("status") or {}).get(field, 0))
