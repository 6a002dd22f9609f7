"""The status that a new object has before any controller looked at it."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.api.schema.schemas import builtin
from drillbook.sandbox.kinds import Kind, Object

_ZEROES: Final = {"integer": 0, "boolean": False, "string": "", "number": 0}
_BALANCED: Final = frozenset({"Service", "Ingress"})


def first_status(kind: Kind) -> Object | None:
    """Empty but for the numbers that are always there; None for a kind without a status of its own."""
    type_ = builtin().of(kind)
    field = type_.fields.get("status") if type_ and "status" in kind.subresources else None
    inner = builtin().types.get(field.type) if field else None
    if inner is None:
        return None
    if kind.name in _BALANCED:
        return {"loadBalancer": {}}
    return {
        name: _ZEROES[part.type]
        for name, part in inner.fields.items()
        if part.required and not part.container and part.type in _ZEROES
    }
