"""Everything that people put into a namespace, written down, and made again from that.

What controllers make by themselves (pods, ReplicaSets, the root certificate's ConfigMap) is left to them. Objects are
made in the order in which they are needed, without what only that one cluster at that time could give: UIDs, addresses
of Services, the volumes that claims were bound to. The data on those volumes is not in any object, and not made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from drillbook.faults.templates import KINDS
from drillbook.faults.workloads import is_controlled, is_going, wait_ready
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects

_BY_ITSELF: Final = frozenset({"events", "leases", "endpoints", "endpointslices", "replicasets", "controllerrevisions"})
"""Resources that controllers fill, or that are nobody's decision."""
_MADE: Final = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
_FIRST: Final = (
    *("ResourceQuota", "LimitRange", "ServiceAccount", "Role", "RoleBinding", "Secret", "ConfigMap", "NetworkPolicy"),
    *("PersistentVolumeClaim", "Service", "Issuer", "PodDisruptionBudget", "StatefulSet", "Deployment"),
)
"""The order in which kinds are made; all others after these."""
_BOOKKEEPING: Final = frozenset({"metadata", "status", "apiVersion", "kind"})
_REVISION: Final = "deployment.kubernetes.io/revision"
_WORKLOADS: Final = {kind: word for word, kind in KINDS.items()}


async def content_of(kube: Kube, namespace: str) -> Objects:
    """Everything in it that would have to be made again, in that order, each with the path of its collection."""
    from drillbook.clients.kube_objects import discover

    found: Objects = []
    for resource in await discover(kube):
        if not resource.namespaced or resource.plural in _BY_ITSELF:
            continue
        path = resource.collection(namespace)
        for item in await kube.list(path):
            whole = {**item, "apiVersion": resource.api_version, "kind": resource.kind}
            if not _is_made(whole):
                found.append({"path": path, "body": _bare(whole)})
    return sorted(found, key=lambda one: _rank(one["body"]["kind"]))


async def rebuild(kube: Kube, content: Objects) -> tuple[int, int]:
    """Make what is missing, and what differs as it was; how many objects were made, and how many changed."""
    made = changed = 0
    for one in content:
        path, body = one["path"], one["body"]
        there = await kube.find(f"{path}/{body['metadata']['name']}")
        if there is None:
            await kube.create(path, body)
            made += 1
        elif operations := _differences(_bare({**there, "apiVersion": body["apiVersion"], "kind": body["kind"]}), body):
            await kube.patch(f"{path}/{body['metadata']['name']}", operations)
            changed += 1
    return made, changed


async def see_ready(kube: Kube, namespace: str, content: Objects, seconds: float) -> int:
    """Wait for every workload of the content; how many there are. Raises DrillAborted for one that isn't ready."""
    named = [(one["body"]["kind"], one["body"]["metadata"]["name"]) for one in content]
    workloads = [Workload(_WORKLOADS[kind], name) for kind, name in named if kind in _WORKLOADS]
    for workload in workloads:
        await wait_ready(kube, workload, namespace, None, seconds)
    return len(workloads)


def is_issued(item: Object) -> bool:
    """A Secret with a certificate: a new one is as good as the old, and whoever issues it would do so again."""
    return item["kind"] == "Secret" and item.get("type") == "kubernetes.io/tls"


def _rank(kind: str) -> int:
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)


def _is_made(item: Object) -> bool:
    """By a controller, which makes it again by itself."""
    meta, kind = item["metadata"], item["kind"]
    token = item.get("type") == "kubernetes.io/service-account-token"
    return is_controlled(item) or token or is_going(item) or (kind, meta["name"]) in _MADE


def _bare(item: Object) -> Object:
    """The object without what it can't be made with."""
    meta = item["metadata"]
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if not _of_the_platform(k)}
    kept: Object = {key: value for key, value in item.items() if key not in _BOOKKEEPING}
    spec = dict(kept["spec"]) if isinstance(kept.get("spec"), dict) else None
    if spec is not None:
        kept["spec"] = _bare_spec(item["kind"], spec)
    metadata: Object = {"name": meta["name"]}
    metadata |= {"labels": meta["labels"]} if meta.get("labels") else {}
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata, **kept}


def _bare_spec(kind: str, spec: Object) -> Object:
    from drillbook.clients.kube_objects import as_wanted

    if kind == "Service":
        if spec.get("clusterIP") != "None":
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports") or ()]
        spec.pop("healthCheckNodePort", None)
    if kind == "PersistentVolumeClaim":
        spec.pop("volumeName", None)
    if kind == "Pod":
        spec.pop("nodeName", None)
    return as_wanted(spec) if kind == "Job" else spec


def _of_the_platform(annotation: str) -> bool:
    return annotation == _REVISION or annotation.startswith(("pv.kubernetes.io/", "volume.kubernetes.io/"))


def _differences(there: Object, body: Object) -> Objects:
    """A JSON patch that makes it what it was, in all that people decide; empty where it is. Claims stay as they are."""
    if body["kind"] in {"PersistentVolumeClaim", "Pod", "Job"} or is_issued(body):
        return []
    if body["kind"] == "Service":
        # Its address is its own; all the rest is changed field by field.
        old, new = there.get("spec") or {}, body.get("spec") or {}
        return [_set(f"/spec/{key}", new[key]) for key in new if old.get(key) != new[key]]
    keys = sorted({*there, *body} - _BOOKKEEPING)
    return [
        _set(f"/{key}", body[key]) if key in body else {"op": "remove", "path": f"/{key}"}
        for key in keys
        if there.get(key) != body.get(key)
    ]


def _set(path: str, value: Any) -> Object:
    return {"op": "add", "path": path, "value": value}
