"""Any object of the cluster as a target: known by its UID, so that a replacement of the same name is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillAborted
from drillbook.faults.fault import Target

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects

RESOURCES: Final = {
    "Pod": "pods",
    "Node": "nodes",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "Service": "services",
    "CronJob": "cronjobs",
    "Namespace": "namespaces",
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
}
"""The plural of each kind that can be a target."""


def target_of(kind: str, found: Object) -> Target:
    """An object that was read, as a target."""
    meta = found["metadata"]
    return Target(kind, meta.get("namespace", ""), meta["name"], meta["uid"])


def path_to(target: Target) -> str:
    """Its URL path."""
    from drillbook.clients.kube import path_of

    return path_of(RESOURCES[target.kind], target.namespace or None, target.name)


async def find_exactly(kube: Kube, target: Target) -> Object | None:
    """The target as it is now; None where it is gone, or another object has its name."""
    found = await kube.find(path_to(target))
    return found if found and found["metadata"]["uid"] == target.uid else None


async def patch_exactly(kube: Kube, target: Target, body: Object | Objects, kind: str = "") -> Object:
    """PATCH that very object: where another one has its name, ApiRefusal 409 (a mapping) or 422 (a JSON patch).

    ``body`` is a merge patch, with ``kind="strategic"`` a strategic one, as a list a JSON patch.
    """
    if isinstance(body, list):
        same: Any = {"op": "test", "path": "/metadata/uid", "value": target.uid}
        return await kube.patch(path_to(target), [same, *body])
    metadata = {**body.get("metadata", {}), "uid": target.uid}
    return await kube.patch(path_to(target), {**body, "metadata": metadata}, kind)


def same_object(target: Target, found: Object | None) -> None:
    """Raises DrillAborted when ``found`` is not the target: what replaced it is a person's to look at."""
    uid = found["metadata"]["uid"] if found else "none"
    if uid != target.uid:
        raise DrillAborted(
            f"{target} in namespace {target.namespace} is another object than before the drill: "
            f"expected UID {target.uid}, found {uid}; a person must look at what replaced it"
        )
