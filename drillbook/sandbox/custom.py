"""Kinds that a CustomResourceDefinition brings: they live in the store beside the built-in ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drillbook.sandbox.kinds import CUSTOM_RESOURCE_DEFINITION, KINDS, Kind, Object
from drillbook.sandbox.store import Store, timestamp


def custom_kinds(store: Store) -> tuple[Kind, ...]:
    """All kinds that the definitions in the store describe."""
    return tuple(kind for definition in store.list(CUSTOM_RESOURCE_DEFINITION) for kind in kinds_of(definition))


def kinds_of(definition: Object) -> Iterator[Kind]:
    """One kind per served version. A kind that is built in stays as it is, even if somebody defines it again."""
    spec = definition["spec"]
    stored = next((version for version in spec["versions"] if version.get("storage")), spec["versions"][0])
    storage = _kind(spec, stored, None)
    for version in spec["versions"]:
        kind = storage if version is stored else _kind(spec, version, storage)
        if version.get("served") and kind not in KINDS:
            yield kind


def _kind(spec: Object, version: Object, storage: Kind | None) -> Kind:
    names: dict[str, Any] = spec["names"]
    return Kind(
        spec["group"],
        version["name"],
        names["kind"],
        names["plural"],
        spec["scope"] == "Namespaced",
        tuple(names.get("shortNames") or ()),
        tuple(version.get("subresources") or ()),
        tuple(names.get("categories") or ()),
        counted=True,
        stored_as=storage,
        custom=version,
    )


def establish(definition: Object) -> None:
    """Complete a new or changed definition: its names, and the status that says that it is served."""
    spec = definition["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    status = definition.setdefault("status", {})
    status["acceptedNames"] = dict(names)
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    status["storedVersions"] = list(dict.fromkeys([*(status.get("storedVersions") or ()), *stored]))
    now = timestamp()
    status.setdefault(
        "conditions",
        [
            {"type": type_, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
            for type_, reason, message in (
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            )
        ],
    )
