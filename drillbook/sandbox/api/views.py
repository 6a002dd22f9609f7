"""What clients see of a stored object: another API version's form, metadata only, or a table."""

from __future__ import annotations

from collections.abc import Iterable

from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.tables.printing import table
from drillbook.sandbox.api.versions import to_version
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.store import dump

_META = "meta.k8s.io/v1"


def encode(call: Call, obj: Object) -> bytes:
    """One object's JSON, in the version that was asked for."""
    if call.kind.stored_as is None:
        return call.store.encode(call.kind, obj)
    return dump(to_version(call.kind, obj))


def shown(call: Call, obj: Object, shape: str) -> bytes:
    """One object in the shape that was asked for."""
    if shape == "Table":
        return dump(table(call.kind, [to_version(call.kind, obj)], {}, call.option("includeObject")))
    if shape:
        return dump(partial(obj))
    return encode(call, obj)


def shown_list(call: Call, objects: Iterable[Object], metadata: Object, shape: str) -> bytes:
    """A list in the shape that was asked for."""
    if shape == "Table":
        return dump(
            table(call.kind, [to_version(call.kind, o) for o in objects], metadata, call.option("includeObject"))
        )
    if shape:
        head = {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": metadata}
        return dump(head | {"items": [partial(obj) for obj in objects]})
    kind = call.kind
    start = dump({"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata})[:-1]
    return start + b',"items":[' + b",".join([encode(call, obj) for obj in objects]) + b"]}"


def partial(obj: Object) -> Object:
    """The metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
