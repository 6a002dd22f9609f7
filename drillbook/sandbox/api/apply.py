"""Server-side apply, kept small: create, or merge what was applied into what is there.

A field that the same manager applied before and now leaves out is removed, unless another manager applied it too. There
are no conflicts: the last one to apply a field has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.decoding import Decoder
from drillbook.sandbox.api.patches.strategic import StrategicMerge
from drillbook.sandbox.api.schema.schemas import Field, Schemas, Type
from drillbook.sandbox.api.versions import from_version, to_version
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import bad_request
from drillbook.sandbox.store import timestamp

type Path = tuple[tuple[str, str], ...]
"""Steps into an object: ``("f", name)`` into a field, ``("k", value)`` to the entry of a keyed list."""

_UNOWNED: Final = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.uid"})


def apply_patch(
    call: Call,
    applied: Object,
    create: Callable[[Call, Object], Object],
    update: Callable[[Call, Object], Object],
) -> tuple[Object, bool]:
    """The stored object and whether it is new. ApiError 400 without a field manager."""
    manager = call.option("fieldManager")
    if not manager:
        raise bad_request(
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        )
    applied.setdefault("metadata", {})["name"] = call.name
    applied["metadata"].pop("managedFields", None)
    current = call.store.get(call.storage, call.namespace, call.name)
    if current is None:
        stored = create(call, applied)
        return _remember(call, stored, manager, applied), True
    live = to_version(call.kind, current)
    type_ = call.server.schemas.of(call.kind)
    merged = StrategicMerge(call.server.schemas).apply(live, applied, type_)
    for path in _dropped(live, manager, set(_leaves(applied, type_, call.server.schemas))):
        _remove(merged, path, type_, call.server.schemas)
    merged["metadata"].pop("resourceVersion", None)
    if applied["metadata"].get("resourceVersion"):
        merged["metadata"]["resourceVersion"] = applied["metadata"]["resourceVersion"]
    decoder = Decoder(call.server.schemas, call.kind)
    stored = update(call, from_version(call.kind, decoder.decode(merged)))
    return _remember(call, stored, manager, applied), False


def _dropped(live: Object, manager: str, now: set[Path]) -> list[Path]:
    """What this manager applied before, does not apply now, and nobody else applied."""
    mine: set[Path] = set()
    others: set[Path] = set()
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("operation") == "Apply":
            target = mine if entry.get("manager") == manager else others
            target |= set(_read(entry.get("fieldsV1") or {}))
    return sorted(mine - now - others, key=len)  # an entry of a list goes before what is inside it


def _remember(call: Call, stored: Object, manager: str, applied: Object) -> Object:
    """Write down who applied what."""
    if call.dry_run:
        return stored
    type_ = call.server.schemas.of(call.kind)
    fields: dict[str, Any] = {}
    for path in _leaves(applied, type_, call.server.schemas):
        node = fields
        for sort, name in path:
            node = node.setdefault(f"{sort}:{name}", {})
    entries = [
        e for e in stored["metadata"].get("managedFields") or [] if (e["manager"], e["operation"]) != (manager, "Apply")
    ]
    had = next((e for e in stored["metadata"].get("managedFields") or [] if e not in entries), None)
    if had is not None and had.get("fieldsV1") == fields:
        return stored
    entry = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": call.kind.api_version,
        "time": timestamp(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }

    def write(draft: Object) -> None:
        draft["metadata"]["managedFields"] = [*entries, entry]

    return call.store.mutate(call.storage, call.namespace, call.name, write)


def _leaves(value: Mapping[str, Any], type_: Type | None, schemas: Schemas, path: Path = ()) -> Iterator[Path]:
    """The paths of everything that an applied object sets."""
    for name, item in value.items():
        here: Path = (*path, ("f", name))
        if ".".join(step for _, step in here) in _UNOWNED:
            continue
        field = type_.fields.get(name) if type_ else None
        yield from _inside(item, field, schemas, here)


def _inside(item: Any, field: Field | None, schemas: Schemas, here: Path) -> Iterator[Path]:
    inner = schemas.types.get(field.type) if field else None
    if isinstance(item, dict) and item:
        yield from _leaves(item, inner if field and not field.container else None, schemas, here)
    elif isinstance(item, list) and field is not None and field.merge:
        for entry in item:
            place: Path = (*here, ("k", _identity(field.merge, entry)))
            yield place
            yield from _leaves(entry, inner, schemas, place)
    else:
        yield here


def _identity(merge: str, entry: Mapping[str, Any]) -> str:
    """How managedFields names an entry of a keyed list."""
    return json.dumps({merge: entry.get(merge)}, separators=(",", ":"))


def _read(fields: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for key, inner in fields.items():
        sort, _, name = key.partition(":")
        here: Path = (*path, (sort, name))
        if not inner or sort == "k":
            yield here
        yield from _read(inner, here)


def _remove(obj: Any, path: Path, type_: Type | None, schemas: Schemas) -> None:
    """Take one path out of an object, where it is still there."""
    node, merge, current = obj, "", type_
    for depth, (sort, name) in enumerate(path):
        last = depth == len(path) - 1
        if sort == "f":
            if not isinstance(node, dict) or name not in node:
                return
            field = current.fields.get(name) if current else None
            merge = (field.merge or "") if field else ""
            current = schemas.types.get(field.type) if field else None
            if last:
                del node[name]
                return
            node = node[name]
        else:
            found = next((e for e in node if _identity(merge, e) == name), None) if isinstance(node, list) else None
            if found is None:
                return
            if last:
                node.remove(found)
                return
            node = found
