"""What controllers ask about pods, and how a pod comes out of a template."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from drillbook.sandbox.controllers.controller import controller_of, owner_reference
from drillbook.sandbox.controllers.labels import labels_of, matches
from drillbook.sandbox.kinds import POD, Kind, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Store, timestamp

_SAFE: Final = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of Kubernetes' generated names: no vowels, so that no words come about."""


def random_suffix(length: int = 5) -> str:
    """The random end of a generated name."""
    return "".join(secrets.choice(_SAFE) for _ in range(length))


def moment(text: str) -> datetime:
    """A Kubernetes time (``2026-01-31T12:00:00Z``) as datetime in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def seconds_since(text: str) -> float:
    """Seconds from a Kubernetes time until now."""
    return (datetime.now(UTC) - moment(text)).total_seconds()


def condition(obj: Object, type_: str) -> Object | None:
    """The status condition of that type."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found["type"] == type_:
            return dict(found)
    return None


def with_condition(
    conditions: Iterable[Object], type_: str, status: str, reason: str = "", message: str = "", **more: Any
) -> list[Object]:
    """The conditions with this one set; its transition time moves only when its status does."""
    out: list[Object] = []
    new: Object = {"type": type_, "status": status, "lastTransitionTime": timestamp()} | more
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    placed = False
    for old in conditions:
        if old["type"] != type_:
            out.append(old)
            continue
        if old["status"] == status:
            new["lastTransitionTime"] = old.get("lastTransitionTime", new["lastTransitionTime"])
        out.append(new)
        placed = True
    if not placed:
        out.append(new)
    return out


def is_terminating(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_finished(pod: Object) -> bool:
    """Whether the pod has run to its end, well or badly."""
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def is_active(pod: Object) -> bool:
    """Whether the pod counts as one of its controller's replicas."""
    return not is_terminating(pod) and not is_finished(pod)


def is_ready(pod: Object) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def ready_for(pod: Object) -> float:
    """Seconds that the pod has been ready for; below zero when it isn't."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return -1.0
    return max(0.0, seconds_since(found["lastTransitionTime"]))


def is_available(pod: Object, min_ready_seconds: int) -> bool:
    """Ready for long enough."""
    return is_ready(pod) and (min_ready_seconds == 0 or ready_for(pod) >= min_ready_seconds)


def new_pod(owner: Object, template: Object, name: str) -> Object:
    """A pod as its controller creates it from its template."""
    meta = copy.deepcopy(template.get("metadata") or {})
    pod_meta: Object = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner)],
    }
    for field in ("labels", "annotations", "finalizers"):
        if meta.get(field):
            pod_meta[field] = meta[field]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": pod_meta,
        "spec": copy.deepcopy(template["spec"]),
        "status": {"phase": "Pending", "qosClass": qos_class(template["spec"])},
    }


def owned_pods(store: Store, owner: Object) -> list[Object]:
    """The pods that ``owner`` controls. Matching pods without a controller are adopted, those that no longer match
    are let go, as Kubernetes' controllers do."""
    kept: list[Object] = []
    uid, namespace = owner["metadata"]["uid"], owner["metadata"]["namespace"]
    selector = owner["spec"].get("selector")
    for pod in store.list(POD, namespace):
        controller = controller_of(pod)
        fits = matches(selector, labels_of(pod))
        name = pod["metadata"]["name"]
        if controller is None:
            if fits and is_active(pod) and not is_terminating(owner):
                kept.append(store.mutate(POD, namespace, name, lambda draft: _adopt(draft, owner)))
        elif controller["uid"] == uid:
            if fits:
                kept.append(pod)
            else:
                store.mutate(POD, namespace, name, lambda draft: _let_go(draft, uid))
    return kept


def delete(store: Store, kind: Kind, obj: Object, grace_seconds: int | None = None) -> None:
    """Delete as the API would: a pod that runs gets its grace, an object with finalizers waits for them."""
    namespace, name = str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
    try:
        if kind is POD and obj["spec"].get("nodeName") and not is_finished(obj):
            grace = obj["spec"].get("terminationGracePeriodSeconds", 30) if grace_seconds is None else grace_seconds
            store.mark_deleted(kind, namespace, name, grace)
        elif obj["metadata"].get("finalizers"):
            store.mark_deleted(kind, namespace, name, 0)
        else:
            store.remove(kind, namespace, name)
    except ApiError as error:
        if error.code != 404:  # somebody else was faster
            raise


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' requests and limits."""
    containers = [*spec.get("containers", ()), *(spec.get("initContainers") or ())]
    every = [(c.get("resources") or {}) for c in containers]
    if not any(r.get("requests") or r.get("limits") for r in every):
        return "BestEffort"
    for resources in every:
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                return "Burstable"
    return "Guaranteed"


def _adopt(pod: Object, owner: Object) -> None:
    pod["metadata"].setdefault("ownerReferences", []).append(owner_reference(owner))


def _let_go(pod: Object, uid: str) -> None:
    left = [o for o in pod["metadata"].get("ownerReferences", ()) if o["uid"] != uid]
    if left:
        pod["metadata"]["ownerReferences"] = left
    else:
        pod["metadata"].pop("ownerReferences", None)
