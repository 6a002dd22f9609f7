"""ResourceQuotas: what a namespace uses, and the no that a new object gets when it would be too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from drillbook.sandbox.api.preparing import quality_of_service
from drillbook.sandbox.kinds import EVENT, KINDS, POD, RESOURCE_QUOTA, Kind, Object
from drillbook.sandbox.status import forbidden
from drillbook.sandbox.store import Store
from drillbook.sandbox.usage import NOTHING, Amount, total, usage_of

COUNTABLE: Final = tuple(kind for kind in KINDS if kind.namespaced and kind.stored_as is None and kind != EVENT)
"""Kubernetes leaves events out of quotas too."""
_MUST_BE_SAID: Final = ("cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
"""Every container must say these when a quota limits them: otherwise nobody knew what it takes."""


def check_quota(store: Store, kind: Kind, obj: Object, old: Object | None = None) -> None:
    """Whether the namespace has room for ``obj``, in place of ``old`` when that is given.

    ApiError 403 ``exceeded quota: ...`` (or ``failed quota: ...`` when a container doesn't say what it needs).
    """
    namespace = obj["metadata"].get("namespace", "")
    for quota in store.list(RESOURCE_QUOTA, namespace) if namespace else ():
        if not _covers(quota, kind, obj):
            continue
        name = obj["metadata"].get("name") or obj["metadata"].get("generateName", "")
        hard = _hard(quota)
        if kind == POD and (unsaid := _unsaid(obj, hard)):
            where = "; ".join(
                f"{resource} for: {','.join(sorted(names))}" for resource, names in sorted(unsaid.items())
            )
            raise forbidden(kind.resource, name, f"failed quota: {quota['metadata']['name']}: must specify {where}")
        asked = dict(usage_of(kind, obj))
        for resource, amount in (usage_of(kind, old) if old is not None else {}).items():
            asked[resource] = asked.get(resource, NOTHING) - amount
        used = used_by(store, quota, [kind])
        over = [
            resource
            for resource, amount in sorted(asked.items())
            if resource in hard
            and amount.value > 0
            and used.get(resource, NOTHING).value + amount.value > hard[resource].value
        ]
        if over:
            raise forbidden(
                kind.resource,
                name,
                f"exceeded quota: {quota['metadata']['name']}, requested: {_listed(asked, over)}, "
                f"used: {_listed(used, over)}, limited: {_listed(hard, over)}",
            )


def used_by(store: Store, quota: Object, kinds: Iterable[Kind] = COUNTABLE) -> dict[str, Amount]:
    """What the namespace uses of each resource that the quota limits, as far as objects of these kinds take any."""
    hard, namespace = _hard(quota), quota["metadata"]["namespace"]
    used: dict[str, Amount] = {}
    for kind in kinds:
        names = _limited(kind, hard)
        if names:
            found = total(usage_of(kind, obj) for obj in store.list(kind, namespace) if _covers(quota, kind, obj))
            used |= {name: found.get(name, NOTHING) for name in names}
    return used


def _hard(quota: Object) -> dict[str, Amount]:
    return {name: Amount.read(text) for name, text in ((quota.get("spec") or {}).get("hard") or {}).items()}


def _limited(kind: Kind, hard: Mapping[str, Amount]) -> list[str]:
    """The resources of a quota that objects of the kind take from."""
    return [name for name in hard if _owner(name) in {kind.resource, f"count/{kind.resource}"}]


def _owner(name: str) -> str:
    """The kind of object (as a resource) that takes from this resource of a quota."""
    bare = name.rpartition(".storageclass.storage.k8s.io/")[2]
    if bare.startswith("count/"):
        return bare
    if bare in {"requests.storage", "persistentvolumeclaims"}:
        return "persistentvolumeclaims"
    if bare.startswith("services"):
        return "services"
    computed = ("requests.", "limits.")
    return "pods" if bare in {"cpu", "memory", "ephemeral-storage"} or bare.startswith(computed) else bare


def _covers(quota: Object, kind: Kind, obj: Object) -> bool:
    """Whether the object lies in the quota's scopes; only pods can."""
    spec = quota.get("spec") or {}
    selector = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    wanted = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()] + list(selector)
    return not wanted or (kind == POD and all(_in_scope(obj, scope) for scope in wanted))


def _in_scope(pod: Object, scope: Object) -> bool:
    spec = pod["spec"]
    best_effort = quality_of_service(pod) == "BestEffort"
    terminating = spec.get("activeDeadlineSeconds") is not None
    simple = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": terminating,
        "NotTerminating": not terminating,
    }
    if scope["scopeName"] in simple:
        return simple[scope["scopeName"]]
    if scope["scopeName"] != "PriorityClass":
        return False
    name, values = spec.get("priorityClassName", ""), scope.get("values") or ()
    answers = {"In": name in values, "NotIn": name not in values, "Exists": bool(name), "DoesNotExist": not name}
    return answers[scope["operator"]]


def _unsaid(pod: Object, hard: Mapping[str, Amount]) -> dict[str, list[str]]:
    """Containers that don't say how much they need of something limited, by resource."""
    unsaid: dict[str, list[str]] = {}
    for name in _MUST_BE_SAID:
        if name not in hard:
            continue
        which, _, resource = name.rpartition(".")
        for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
            if resource not in ((container.get("resources") or {}).get(which or "requests") or {}):
                unsaid.setdefault(name, []).append(container["name"])
    return unsaid


def _listed(amounts: Mapping[str, Amount], names: Iterable[str]) -> str:
    return ",".join(f"{name}={amounts.get(name, NOTHING)}" for name in names)
