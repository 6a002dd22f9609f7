"""CustomResourceDefinitions: what is refused in them, and how one goes: with all objects of its kinds."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.names import Cause, invalid, required, unsupported
from drillbook.sandbox.custom import kinds_of
from drillbook.sandbox.kinds import CUSTOM_RESOURCE_DEFINITION, Kind, Object
from drillbook.sandbox.store import Store

CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
"""Holds a definition while objects of its kinds are left."""
_SCOPES: Final = ("Cluster", "Namespaced")


def check(definition: Object) -> list[Cause]:
    """What is wrong with a definition."""
    spec = definition["spec"]
    wanted = f"{spec['names'].get('plural')}.{spec.get('group')}"
    causes: list[Cause] = []
    if definition["metadata"]["name"] != wanted:
        why = 'must be spec.names.plural+"."+spec.group'
        causes.append(invalid(definition["metadata"]["name"], why, "metadata.name"))
    if spec.get("scope") not in _SCOPES:
        causes.append(unsupported(spec.get("scope", ""), _SCOPES, "spec.scope"))
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        why = "must have exactly one version marked as storage version"
        causes.append(invalid([v["name"] for v in spec["versions"]], why, "spec.versions"))
    for i, version in enumerate(spec["versions"]):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            causes.append(required(f"spec.versions[{i}].schema.openAPIV3Schema", "schemas are required"))
    return causes


def empty(store: Store, definition: Object) -> Object:
    """Delete all objects of the definition's kinds; while some are held back, the definition is, too."""
    for kind, obj in _objects(store, definition):
        meta = obj["metadata"]
        if meta.get("finalizers"):
            store.mark_deleted(kind, meta.get("namespace", ""), meta["name"], 0)
        else:
            store.remove(kind, meta.get("namespace", ""), meta["name"])
    held = definition["metadata"].get("finalizers") or []
    if not _objects(store, definition) or CLEANUP in held:
        return definition

    def hold(draft: Object) -> None:
        draft["metadata"]["finalizers"] = [*held, CLEANUP]

    return store.mutate(CUSTOM_RESOURCE_DEFINITION, "", definition["metadata"]["name"], hold)


def finish(store: Store, kind: Kind) -> None:
    """After a change of an object of ``kind``: a definition that only waited for it goes now."""
    definition = store.get(CUSTOM_RESOURCE_DEFINITION, "", kind.resource)
    if definition is None or "deletionTimestamp" not in definition["metadata"] or _objects(store, definition):
        return

    def release(draft: Object) -> None:
        draft["metadata"]["finalizers"] = [f for f in draft["metadata"].get("finalizers") or [] if f != CLEANUP]

    store.mutate(CUSTOM_RESOURCE_DEFINITION, "", kind.resource, release)


def _objects(store: Store, definition: Object) -> list[tuple[Kind, Object]]:
    kinds = {kind.storage for kind in kinds_of(definition)}
    return [(kind, obj) for kind in kinds for obj in store.list(kind)]
