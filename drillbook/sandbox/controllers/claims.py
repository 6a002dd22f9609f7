"""PersistentVolumeClaims: each is given a volume of its own, a disk of the size that it asks for, outliving pods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import CLAIM, POD, STORAGE_CLASS, VOLUME, Object
from drillbook.sandbox.store import Change

COMPONENT: Final = "drillbook.dev/folder"
CLASS: Final = "standard"
CLASS_AGAIN: Final = 2.0
"""Seconds until a claim whose StorageClass isn't there is looked at again."""
IN_USE: Final = "kubernetes.io/pvc-protection"


class Claims(Controller):
    """Binds claims, and takes the volume away with its claim when its policy says so."""

    name = "claims"
    watches = (CLAIM, POD)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is CLAIM:
            return [own_key(change.object)]
        if change.type != "DELETED":
            return []
        return [(change.namespace, name) for name in _claims_of(change.object)]

    async def reconcile(self, key: Key) -> None:
        claim = self.store.get(CLAIM, *key)
        if claim is None:
            self._release(key)
            return
        if is_terminating(claim):
            self._let_go_unless_used(key, claim)
            return
        if (claim.get("status") or {}).get("phase") == "Bound":
            return
        if not self._has_class(key, claim):
            return
        name = claim["spec"].get("volumeName") or f"pvc-{claim['metadata']['uid']}"
        volume = self.store.get(VOLUME, "", name) or self._provision(claim, name)
        self._bind(key, claim, volume)

    def _has_class(self, key: Key, claim: Object) -> bool:
        """Whether the StorageClass that a claim asks for is there; if not, the claim waits for it."""
        wanted = claim["spec"].get("storageClassName")
        if not wanted or claim["spec"].get("volumeName") or self.store.get(STORAGE_CLASS, "", wanted) is not None:
            return True
        missing = f'storageclass.storage.k8s.io "{wanted}" not found'
        self.cluster.events.warning(claim, COMPONENT, "ProvisioningFailed", missing)
        self.queue.add_after(key, CLASS_AGAIN)
        return False

    def _provision(self, claim: Object, name: str) -> Object:
        folder = self.cluster.state / "volumes" / name
        meta = claim["metadata"]
        size = claim["spec"]["resources"]["requests"]["storage"]
        self.cluster.disks.make(folder, int(parse(str(size))))
        volume = {
            "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": COMPONENT}},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": list(claim["spec"].get("accessModes") or ["ReadWriteOnce"]),
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": meta["name"],
                    "namespace": meta["namespace"],
                    "uid": meta["uid"],
                },
                "hostPath": {"path": str(folder), "type": ""},
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": claim["spec"].get("storageClassName", CLASS),
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Bound"},
        }
        created = create(self.store, VOLUME, volume)
        self.cluster.events.normal(claim, COMPONENT, "ProvisioningSucceeded", f"Successfully provisioned volume {name}")
        return created

    def _bind(self, key: Key, claim: Object, volume: Object) -> None:
        def bind(draft: Object) -> None:
            draft["spec"]["volumeName"] = volume["metadata"]["name"]
            draft["spec"].setdefault("storageClassName", CLASS)
            finalizers = draft["metadata"].setdefault("finalizers", [])
            if IN_USE not in finalizers:
                finalizers.append(IN_USE)
            draft["metadata"].setdefault("annotations", {}).update(
                {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
            )
            draft["status"] = {
                "phase": "Bound",
                "accessModes": volume["spec"]["accessModes"],
                "capacity": dict(volume["spec"]["capacity"]),
            }

        self.store.mutate(CLAIM, *key, bind)

    def _let_go_unless_used(self, key: Key, claim: Object) -> None:
        """A claim that a pod uses stays until that pod is gone."""
        if any(key[1] in _claims_of(pod) for pod in self.store.list(POD, key[0])):
            return
        left = [f for f in claim["metadata"].get("finalizers") or () if f != IN_USE]
        self.store.mutate(CLAIM, *key, lambda draft: draft["metadata"].update(finalizers=left))

    def _release(self, key: Key) -> None:
        for volume in self.store.list(VOLUME):
            claim = volume["spec"].get("claimRef") or {}
            if (claim.get("namespace"), claim.get("name")) != key:
                continue
            name = volume["metadata"]["name"]
            if volume["spec"].get("persistentVolumeReclaimPolicy", "Delete") == "Delete":
                self.store.remove(VOLUME, "", name)
                self.cluster.disks.remove(self.cluster.state / "volumes" / name)
            else:
                self.store.mutate(VOLUME, "", name, lambda draft: draft["status"].update(phase="Released"))


def standard_class() -> Object:
    """The default StorageClass."""
    return {
        "apiVersion": STORAGE_CLASS.api_version,
        "kind": STORAGE_CLASS.name,
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": COMPONENT,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def _claims_of(pod: Object) -> list[str]:
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    ]
