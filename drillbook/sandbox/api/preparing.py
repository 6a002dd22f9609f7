"""What a client may not decide: server-set metadata, the status of new objects, the spec during a status update."""

from __future__ import annotations

import uuid
from typing import Final

from drillbook.sandbox.custom import establish
from drillbook.sandbox.kinds import CUSTOM_RESOURCE_DEFINITION, JOB, NAMESPACE, NODE, POD, Kind, Object
from drillbook.sandbox.store import clone

_SERVER_SET: Final = (
    "uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
    "selfLink", "managedFields",
)  # fmt: skip
_OWN_STATUS: Final = frozenset({NODE.name, "PersistentVolume"})
"""Kinds whose creator brings the status along."""


def for_create(kind: Kind, obj: Object) -> None:
    """Take out what only the server sets."""
    for field in _SERVER_SET:
        obj["metadata"].pop(field, None)
    if "status" in kind.subresources and kind.name not in _OWN_STATUS:
        obj.pop("status", None)
    if kind == POD:
        obj["status"] = {"phase": "Pending", "qosClass": quality_of_service(obj)}
    elif kind == CUSTOM_RESOURCE_DEFINITION:
        establish(obj)
    elif kind == JOB:
        _select_own_pods(obj)
    elif kind == NAMESPACE:
        obj["status"] = {"phase": "Active"}
        obj["spec"] = {"finalizers": ["kubernetes"]}


def _select_own_pods(job: Object) -> None:
    """A Job finds its pods by its own uid, which it therefore gets before it is stored."""
    spec = job.get("spec") or {}
    if spec.get("manualSelector") or not isinstance(spec.get("template"), dict):
        return
    uid, name = str(uuid.uuid4()), job["metadata"].get("name", "")
    job["metadata"]["uid"] = uid
    own = {"batch.kubernetes.io/controller-uid": uid}
    spec["selector"] = {"matchLabels": dict(own)}
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= own | {"batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name}


def for_update(kind: Kind, old: Object, new: Object) -> None:
    """A plain update leaves the status as it is, and a namespace's finalizers."""
    _keep_server_set(old, new)
    if "status" in kind.subresources:
        new.pop("status", None)
        if "status" in old:
            new["status"] = clone(old["status"])
    if kind == CUSTOM_RESOURCE_DEFINITION:
        establish(new)
    if kind == NAMESPACE:
        new["spec"] = clone(old.get("spec", {}))


def for_status_update(old: Object, new: Object) -> Object:
    """The old object with the new status, labels and annotations."""
    result = clone(old)
    if "resourceVersion" in new["metadata"]:
        result["metadata"]["resourceVersion"] = new["metadata"]["resourceVersion"]
    if "status" in new:
        result["status"] = clone(new["status"])
    else:
        result.pop("status", None)
    return result


def _keep_server_set(old: Object, new: Object) -> None:
    for field in ("managedFields", "generateName"):
        if field in old["metadata"]:
            new["metadata"].setdefault(field, clone(old["metadata"][field]))


def quality_of_service(pod: Object) -> str:
    """``Guaranteed`` when every container's CPU and memory requests equal its limits, ``BestEffort`` without any."""
    spec = pod.get("spec") or {}
    every = True
    some = False
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for name in ("cpu", "memory"):
            limit, request = limits.get(name), requests.get(name, limits.get(name))
            some = some or limit is not None or request is not None
            every = every and limit is not None and limit == request
    return "Guaranteed" if some and every else "Burstable" if some else "BestEffort"
