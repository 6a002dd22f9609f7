"""A Deployment's status: counts, and the conditions that ``kubectl rollout status`` and ``kubectl wait`` read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.sandbox.controllers.pods import condition, seconds_since, with_condition
from drillbook.sandbox.controllers.rollout import leeway
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.store import timestamp


def of(deployment: Object, new: Object | None, owned: Sequence[Object]) -> Object:
    """The status for these ReplicaSets; ``new`` is the one of the current template."""
    spec, before = deployment["spec"], deployment.get("status") or {}
    wanted = int(spec.get("replicas", 1))
    replicas = _sum(owned, "replicas")
    available = _sum(owned, "availableReplicas")
    counts = {
        "replicas": replicas,
        "updatedReplicas": _sum([new] if new else [], "replicas"),
        "readyReplicas": _sum(owned, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(int(r["spec"].get("replicas", 1)) for r in owned) - available),
    }
    status: Object = {name: count for name, count in counts.items() if count}
    status["observedGeneration"] = deployment["metadata"]["generation"]
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    kept = [c for c in before.get("conditions") or [] if c["type"] != "ReplicaFailure"]
    conditions = _available(kept, available >= wanted - leeway(spec).unavailable)
    status["conditions"] = _progressing(conditions, deployment, status, new) + _failures(new, owned)
    return status


def is_complete(deployment: Object) -> bool:
    """All replicas are of the current template and available, and no other is left."""
    status, wanted = deployment.get("status") or {}, int(deployment["spec"].get("replicas", 1))
    return bool(
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def until_deadline(deployment: Object, status: Object) -> float | None:
    """Seconds until a rollout on its way must be looked at again; None when nothing is awaited."""
    found = condition({"status": status}, "Progressing")
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    if found is None or found.get("reason") not in {"ReplicaSetUpdated", "NewReplicaSetCreated"}:
        return None
    return float(max(0.0, deadline - seconds_since(found["lastUpdateTime"])) + 0.5)


def _sum(replica_sets: Sequence[Object], field: str) -> int:
    return sum(int((rs.get("status") or {}).get(field, 0)) for rs in replica_sets)


def _failures(new: Object | None, owned: Sequence[Object]) -> list[Object]:
    """Why a ReplicaSet can't make its pods; that of the current template speaks first."""
    for replica_set in ([new] if new else []) + list(owned):
        found = condition(replica_set, "ReplicaFailure")
        if found is not None:
            return [found | {"lastUpdateTime": found["lastTransitionTime"]}]
    return []


def _available(conditions: Sequence[Object], enough: bool) -> list[Object]:
    if enough:
        return _set(conditions, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    return _set(
        conditions,
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
    )


def _progressing(conditions: list[Object], deployment: Object, status: Object, new: Object | None) -> list[Object]:
    before = condition({"status": {"conditions": conditions}}, "Progressing")
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if deployment["spec"].get("paused"):
        return _set(conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    if before and before["reason"] == "DeploymentPaused":
        return _set(conditions, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
    if before and before["reason"] == "NewReplicaSetAvailable" and name in before["message"] and not _older(status):
        return conditions  # complete before: more replicas, or a lost pod, are no rollout
    if is_complete(deployment | {"status": status}):
        return _set(conditions, "Progressing", "True", "NewReplicaSetAvailable", f"{name} has successfully progressed.")
    if before is None:
        return _set(conditions, "Progressing", "True", "NewReplicaSetCreated", f"Created new replica set {name[11:]}")
    if _moved(deployment.get("status") or {}, status):
        return _set(conditions, "Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.", moved=True)
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    if before["reason"] == "NewReplicaSetAvailable":
        return _set(conditions, "Progressing", "True", "NewReplicaSetCreated", f"Created new replica set {name[11:]}")
    if seconds_since(before["lastUpdateTime"]) > deadline:
        return _set(
            conditions, "Progressing", "False", "ProgressDeadlineExceeded", f"{name} has timed out progressing."
        )
    return conditions


def _older(status: Object) -> int:
    """Replicas of an older template."""
    return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))


def _moved(before: Object, after: Object) -> bool:
    """Whether the rollout came forward: more new pods, fewer old ones, more ready or available ones."""
    return (
        after.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or _older(after) < _older(before)
        or after.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or after.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def _set(
    conditions: Sequence[Object], type_: str, status: str, reason: str, message: str, *, moved: bool = False
) -> list[Object]:
    old = condition({"status": {"conditions": conditions}}, type_)
    updated = timestamp()
    if old and not moved and (old["status"], old.get("reason"), old.get("message")) == (status, reason, message):
        updated = old["lastUpdateTime"]
    return with_condition(conditions, type_, status, reason, message, lastUpdateTime=updated)
