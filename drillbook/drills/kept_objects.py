"""Single objects that a procedure makes, changes or takes away: kept before the fault, put back after the drill.

All that people decide of an object is kept: its labels and annotations, and everything beside its status. What has pod
templates, whose variables may hold what a journal must not, is kept in a Secret beside it. Left as the procedure leaves
them are Secrets, Jobs, claims and namespaces: values that are as good as the old ones, a run that nobody can take back,
data, and everything that is in them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.residue import ANY
from drillbook.drills.steps.objects import PLURALS, group_of, permission
from drillbook.faults.fault import PutBack, Target
from drillbook.faults.keeping import forget, keep, keep_permissions, kept, kept_name
from drillbook.faults.workloads import is_going

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects, Permission

WHAT: Final = "object"
PUT_BACK: Final = frozenset(
    {
        *("Certificate", "ConfigMap", "CronJob", "HorizontalPodAutoscaler", "Ingress", "Issuer", "NetworkPolicy"),
        *("ResourceQuota", "Service"),
    }
)
"""The kinds that are put back as a whole; a Deployment or StatefulSet has its template and replicas put back apart."""
WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})
SEALED: Final = frozenset({"CronJob"})
"""What has a pod template."""
_OWNER: Final = "procedure"
_NOBODYS: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_PLATFORMS: Final = "deployment.kubernetes.io/"
"""Annotations that a controller writes, and goes on writing."""


async def keep_object(kube: Kube, kind: str, namespace: str, name: str) -> PutBack:
    """What there is to put back of one object: JSON, and never a secret. Read-only."""
    found = await kube.find(_path(kind, namespace, name))
    one = {"what": WHAT, "kind": kind, "namespace": namespace, "name": name, "existed": found is not None}
    if found is None:
        return one
    meta = found["metadata"]
    one |= {key: meta.get(key) or {} for key in ("labels", "annotations")}
    one["owners"] = meta.get("ownerReferences") or []
    if kind in SEALED:
        one["sealed"] = kept_name(_OWNER, Target(kind, namespace, name, meta["uid"]))
    elif kind in PUT_BACK:
        one["parts"] = _parts(found)
    return one


async def seal(kube: Kube, one: PutBack) -> None:
    """What must not be in the journal, into its Secret; the journal, which names that, is written down already."""
    if "sealed" in one:
        found = await kube.get(_path(one["kind"], one["namespace"], one["name"]))
        await keep(kube, one["namespace"], one["sealed"], _parts(found))


async def put_object(kube: Kube, one: PutBack) -> str:
    """The object as it was kept; returns what was done, nothing where nothing was to do. Safe twice."""
    kind, namespace, name = str(one["kind"]), str(one["namespace"]), str(one["name"])
    path = _path(kind, namespace, name)
    found = await kube.find(path)
    if not one["existed"]:
        if found is None or is_going(found):
            return ""
        await kube.delete(path, uid=found["metadata"]["uid"])
        return f"{kind} {name} is gone again"
    parts: Any = await kept(kube, namespace, one["sealed"]) if "sealed" in one else one.get("parts")
    if parts is None and kind not in WORKLOADS:
        # It was never sealed, so nothing was changed yet; or it is put back.
        return ""
    done = await _put(kube, one, found, parts)
    if "sealed" in one:
        await forget(kube, namespace, one["sealed"])
    return done


def object_needs(kind: str, namespace: str, fields: Collection[str]) -> tuple[Permission, ...]:
    """What keeping it and putting it back take."""
    anew = ("create",) if kind in PUT_BACK else ()
    verbs = ("get", "patch", *anew, "delete") if ANY in fields else ("get", "patch")
    sealing = keep_permissions(namespace) if kind in SEALED else ()
    return (*(permission(verb, kind, namespace) for verb in verbs), *sealing)


async def _put(kube: Kube, one: PutBack, found: Object | None, parts: Object | None) -> str:
    kind, namespace, name = str(one["kind"]), str(one["namespace"]), str(one["name"])
    path = _path(kind, namespace, name)
    if found is not None and parts is not None and _moved(kind, found, parts):
        await kube.delete(path, uid=found["metadata"]["uid"])
        found = None
    if found is None:
        if parts is None:
            # A workload that is gone: whoever puts its template back says so.
            return ""
        await kube.create(_path(kind, namespace), _whole(one, parts))
        return f"{kind} {name} is there again"
    operations = [*_of_metadata(one, found), *(_of_parts(found, parts) if parts is not None else ())]
    if not operations:
        return ""
    same = {"op": "test", "path": "/metadata/uid", "value": found["metadata"]["uid"]}
    await kube.patch(path, [same, *operations])
    return f"{kind} {name} is as it was"


def _moved(kind: str, found: Object, parts: Object) -> bool:
    """Whether a Service was made anew with another address, which no patch can change."""
    old, new = parts.get("spec") or {}, found.get("spec") or {}
    return kind == "Service" and bool(old.get("clusterIP")) and new.get("clusterIP") != old["clusterIP"]


def _whole(one: PutBack, parts: Object) -> Object:
    group, version = group_of(str(one["kind"])), _version(str(one["kind"]))
    meta = {"name": one["name"], "namespace": one["namespace"]}
    more = {"labels": one["labels"], "annotations": one["annotations"], "ownerReferences": one["owners"]}
    meta |= {key: value for key, value in more.items() if value}
    return {"apiVersion": f"{group}/{version}" if group else version, "kind": one["kind"], "metadata": meta, **parts}


def _parts(found: Object) -> Object:
    return {key: value for key, value in found.items() if key not in _NOBODYS}


def _of_metadata(one: PutBack, found: Object) -> Objects:
    meta = found["metadata"]
    live = meta.get("annotations") or {}
    annotations = {key: value for key, value in one["annotations"].items() if not key.startswith(_PLATFORMS)}
    annotations |= {key: value for key, value in live.items() if key.startswith(_PLATFORMS)}
    wanted = {"labels": dict(one["labels"]), "annotations": annotations}
    return [_add(f"/metadata/{key}", value) for key, value in wanted.items() if (meta.get(key) or {}) != value]


def _of_parts(found: Object, parts: Object) -> Objects:
    """A JSON patch; of a spec field by field, because some of them can't even be set to what they are."""
    operations: Objects = []
    for key in sorted({*_parts(found), *parts}):
        old, new = parts.get(key), found.get(key)
        if isinstance(old, dict) and isinstance(new, dict) and key == "spec":
            operations += [_change(f"/{key}/{inner}", old.get(inner), new.get(inner)) for inner in sorted({*old, *new})]
        else:
            operations.append(_change(f"/{key}", old, new))
    return [one for one in operations if one]


def _change(path: str, old: Any, new: Any) -> Object:
    if old == new:
        return {}
    return _add(path, old) if old is not None else {"op": "remove", "path": path}


def _add(path: str, value: Any) -> Object:
    return {"op": "add", "path": path, "value": value}


def _version(kind: str) -> str:
    from drillbook.clients.kube import GROUPS

    return GROUPS[PLURALS[kind]].rpartition("/")[2]


def _path(kind: str, namespace: str, name: str | None = None) -> str:
    from drillbook.clients.kube import path_of

    return path_of(PLURALS[kind], namespace, name)
