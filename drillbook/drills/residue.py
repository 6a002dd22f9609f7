"""Residue: what is different in the cluster after a drill, a sentence each; nothing is the aim.

Outside the system's namespaces no object may differ at all. Inside, whatever a person or a file decided must be as it
was: specs, replicas, images, configuration. What the platform does by itself is not residue: status, pods and
ReplicaSets that their controller replaces, replicas within an autoscaler's bounds, Events, Leases and endpoints.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drillbook.faults.workloads import is_controlled

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

PLATFORMS_OWN: Final = frozenset({"events", "leases", "endpoints", "endpointslices", "componentstatuses"})
"""Resources that change by themselves all the time."""
_BOOKKEEPING: Final = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp", "selfLink"})
_FIELDS_NAMED: Final = 4
RETRY_SECONDS: Final = 0.5
ANY: Final = "*"
"""Every field of an object, its coming and its going; in place of a name, every object of the kind there."""


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """What one object is known by."""

    kind: str
    namespace: str
    name: str
    api_version: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


type Snapshot = Mapping[Name, Object]
"""Every object that can be listed, Secrets as digests."""


async def take(kube: Kube, namespaces: Collection[str]) -> Snapshot:
    """Look at the whole cluster, the objects without a namespace included, as far as these credentials reach.

    With rights in ``namespaces`` alone, the system's own, at those. Raises Unlisted where something may be changed and
    can't be seen.
    """
    from drillbook.clients.kube_objects import snapshot

    found = await snapshot(kube, namespaces=namespaces, without=PLATFORMS_OWN, everywhere=True)
    return {_name(item): item for item in found}


def residue(
    before: Snapshot,
    after: Snapshot,
    namespaces: Collection[str],
    expected: Mapping[tuple[str, str, str], Collection[str]] | None = None,
) -> tuple[str, ...]:
    """A sentence for each object that is there, gone or changed and should not be; pure.

    ``namespaces``: the system's own. ``expected``: by kind, namespace and name, the fields that the documented
    procedure changes, with all that is in them; ANY where the object may also come, go and be replaced.
    """
    expected = together(expected or {}, _autoscaled(after.values()))
    sentences: list[str] = []
    for name in sorted({*before, *after}):
        inside = name.namespace in namespaces
        where = "inside" if inside else "outside"
        old, new = before.get(name), after.get(name)
        every = expected.get((name.kind, name.namespace, ANY), ())
        known = expected.get((name.kind, name.namespace, name.name), every)
        if ANY in known:
            continue
        if inside and all(o is None or is_controlled(o) for o in (old, new)):
            continue
        if old is None and new is not None:
            sentences.append(f"{name} is new, {where} the system's namespaces")
        elif new is None:
            sentences.append(f"{name} is gone, {where} the system's namespaces")
        elif old is not None:
            fields = [d for d in _differences(_comparable(old), _comparable(new)) if not _covered(d, known)]
            if fields:
                sentences.append(f"{name} is changed, {where} the system's namespaces: {_listed(fields)}")
    return tuple(sentences)


async def residue_within(
    kube: Kube,
    before: Snapshot,
    namespaces: Collection[str],
    expected: Mapping[tuple[str, str, str], Collection[str]],
    seconds: float,
) -> tuple[str, ...]:
    """What is still different after ``seconds``, or nothing as soon as there is nothing: controllers take a moment."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = residue(before, await take(kube, namespaces), namespaces, expected)
        if not found or loop.time() > deadline:
            return found
        await asyncio.sleep(RETRY_SECONDS)


def together(*expected: Mapping[tuple[str, str, str], Collection[str]]) -> Mapping[tuple[str, str, str], set[str]]:
    """What a fault leaves and what a procedure changes, as one: the fields of both."""
    fields: dict[tuple[str, str, str], set[str]] = {}
    for one in expected:
        for name, more in one.items():
            fields.setdefault(name, set()).update(more)
    return fields


def _autoscaled(items: Collection[Object]) -> Mapping[tuple[str, str, str], Collection[str]]:
    """How many replicas there are of what an autoscaler is in charge of is its own to decide, within its bounds."""
    bounds = {}
    for one in items:
        if one["kind"] == "HorizontalPodAutoscaler":
            spec, target = one["spec"], one["spec"]["scaleTargetRef"]
            known = (target["kind"], one["metadata"]["namespace"], target["name"])
            bounds[known] = (spec.get("minReplicas", 1), spec["maxReplicas"])
    found = {}
    for one in items:
        key = (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"])
        low, high = bounds.get(key, (1, 0))
        if low <= (one.get("spec") or {}).get("replicas", 1) <= high:
            found[key] = ("spec.replicas",)
    return found


def _covered(field: str, known: Collection[str]) -> bool:
    """Whether it is one of the known fields, or inside one."""
    return any(field == one or field.startswith((f"{one}.", f"{one}[")) for one in known)


def _name(item: Object) -> Name:
    meta = item["metadata"]
    return Name(item["kind"], meta.get("namespace", ""), meta["name"], item["apiVersion"])


def _comparable(item: Object) -> Object:
    """The object without its status and the API server's bookkeeping; its UID stays: a replaced object is changed."""
    meta = {key: value for key, value in item["metadata"].items() if key not in _BOOKKEEPING}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": meta}


def _differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Paths of the fields that differ. Values stay out of it: they may be anybody's."""
    if any(isinstance(v, Mapping) for v in (old, new)) and all(v is None or isinstance(v, Mapping) for v in (old, new)):
        old, new = old or {}, new or {}
        keys = sorted({*old, *new})
        return [d for key in keys for d in _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [d for i, (a, b) in pairs for d in _differences(a, b, f"{path}[{i}]")]
    return [] if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True) else [path]


def _listed(fields: Iterable[str]) -> str:
    told = list(fields)
    more = f" and {len(told) - _FIELDS_NAMED} more" if len(told) > _FIELDS_NAMED else ""
    return ", ".join(told[:_FIELDS_NAMED]) + more
