"""Strategic merge patch: a merge patch that knows by which key the entries of each list pair.

Directives: ``$patch: delete|replace|merge`` on a map or a list's entry, ``$retainKeys``, ``$setElementOrder/FIELD``,
``$deleteFromPrimitiveList/FIELD``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from drillbook.sandbox.api.schema.schemas import Field, Schemas, Type
from drillbook.sandbox.status import bad_request
from drillbook.sandbox.store import clone

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder/"
_DROP: Final = "$deleteFromPrimitiveList/"


class StrategicMerge:
    """Merges along the types of ``schemas``."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def apply(self, document: Mapping[str, Any], patch: Any, type_: Type | None) -> dict[str, Any]:
        """The patched copy of ``document``, whose type is ``type_``. ApiError 400 for directives that can't be."""
        if not isinstance(patch, dict):
            raise bad_request("a strategic merge patch must be an object")
        return self._map(document, patch, type_)

    def _map(self, original: Mapping[str, Any], patch: Mapping[str, Any], type_: Type | None) -> dict[str, Any]:
        directive = patch.get(_PATCH)
        if directive == "replace":
            return {key: clone(value) for key, value in patch.items() if key != _PATCH}
        if directive == "delete":
            return {}
        if directive not in {None, "merge"}:
            raise bad_request(f"unknown patch type: {directive}")
        result = dict(original)
        self._retain(result, patch)
        orders = self._read_directives(result, patch)
        for key, value in patch.items():
            if key in {_PATCH, _RETAIN} or key.startswith((_ORDER, _DROP)):
                continue
            field = type_.fields.get(key) if type_ else None
            if value is None:
                result.pop(key, None)
            else:
                result[key] = self._value(result.get(key), value, field, orders.get(key))
        for key in orders.keys() - patch.keys():
            field = type_.fields.get(key) if type_ else None
            if field is not None and field.merge is not None and isinstance(result.get(key), list):
                result[key] = _ordered(result[key], orders[key], result[key], field.merge)
        return {key: clone(value) for key, value in result.items()}

    @staticmethod
    def _read_directives(result: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Drops what is to be dropped from lists of primitives; returns the orders asked for, by field."""
        orders: dict[str, list[Any]] = {}
        for key, value in patch.items():
            if key.startswith(_ORDER):
                orders[key.removeprefix(_ORDER)] = _list(value, key)
            elif key.startswith(_DROP):
                name = key.removeprefix(_DROP)
                dropped = _list(value, key)
                result[name] = [item for item in result.get(name) or [] if item not in dropped]
        return orders

    def _value(self, original: Any, value: Any, field: Field | None, order: list[Any] | None) -> Any:
        inner = self._schemas.types.get(field.type) if field else None
        if isinstance(value, dict):
            base = original if isinstance(original, dict) else {}
            if field is not None and field.container == "{}":
                return self._entries(base, value, inner)
            return self._map(base, value, inner)
        if isinstance(value, list):
            base_list = original if isinstance(original, list) else []
            return self._list(base_list, value, field, inner, order)
        return value

    def _entries(self, original: Mapping[str, Any], patch: Mapping[str, Any], inner: Type | None) -> dict[str, Any]:
        """A map whose values are of one type; with a type of its own, a value merges as a struct does."""
        if inner is None or _PATCH in patch:
            return self._map(original, patch, None)
        result = dict(original)
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = self._map(result.get(key) or {}, value, inner) if isinstance(value, dict) else value
        return result

    @staticmethod
    def _retain(result: dict[str, Any], patch: Mapping[str, Any]) -> None:
        if _RETAIN not in patch:
            return
        kept = set(_list(patch[_RETAIN], _RETAIN))
        named = {key for key, value in patch.items() if not key.startswith("$") and value is not None}
        if not named <= kept:
            raise bad_request(f"$retainKeys directive must include all fields of the patch: {sorted(named - kept)}")
        for key in result.keys() - kept:
            del result[key]

    def _list(
        self, original: list[Any], patch: list[Any], field: Field | None, inner: Type | None, order: list[Any] | None
    ) -> list[Any]:
        key = field.merge if field else None
        if key is None:
            return [self._map({}, item, inner) if isinstance(item, dict) else item for item in patch]
        if key == "":
            new = [item for i, item in enumerate(patch) if item not in original and item not in patch[:i]]
            return _ordered(original + new, _checked(order, patch, key), original, key)
        if not all(isinstance(item, dict) for item in patch):
            raise bad_request(f"expected objects with a {key!r} in the list")
        if any(item.get(_PATCH) == "replace" for item in patch):
            return [clone(item) for item in patch if _PATCH not in item]
        set_items = [item for item in patch if _PATCH not in item]
        merged = self._keyed(original, patch, key, inner)
        return _ordered(merged, _checked(order, set_items, key), original, key)

    def _keyed(self, original: list[Any], patch: list[Any], key: str, inner: Type | None) -> list[Any]:
        for item in patch:
            if key not in item:
                raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        deleted = [item[key] for item in patch if item.get(_PATCH) == "delete"]
        merged = [item for item in original if _identity(item, key) not in deleted]
        for item in patch:
            if item.get(_PATCH) == "delete":
                continue
            place = next((i for i, have in enumerate(merged) if _identity(have, key) == item[key]), None)
            if place is None:
                merged.append(self._map({}, item, inner))
            else:
                merged[place] = self._map(merged[place], item, inner)
        return merged


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request(f"{key}: expected a list, found {value!r}")
    return value


def _identity(item: Any, key: str) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item


def _position(order: Iterable[Any], wanted: Any, key: str) -> int | None:
    return next((i for i, item in enumerate(order) if _identity(item, key) == wanted), None)


def _checked(order: list[Any] | None, patch: list[Any], key: str) -> list[Any]:
    """The order to keep: the one asked for, else the patch's own. ApiError 400 when the two contradict."""
    if order is None:
        return patch
    wanted = [_identity(item, key) for item in order]
    found = [_identity(item, key) for item in patch]
    if any(item not in wanted for item in found) or found != sorted(found, key=wanted.index):
        raise bad_request(f"The order in patch list: {patch} doesn't match $setElementOrder list: {order}")
    return order


def _ordered(merged: list[Any], order: list[Any], server: list[Any], key: str) -> list[Any]:
    """``merged`` with the entries of ``order`` in that order; what only the server knows keeps its place among them.

    An entry that is new comes before the server's own.
    """
    wanted = [_identity(item, key) for item in order]
    theirs = [item for item in merged if _identity(item, key) in wanted]
    theirs.sort(key=lambda item: wanted.index(_identity(item, key)))
    others = [item for item in merged if _identity(item, key) not in wanted]
    others.sort(key=lambda item: _rank(server, _identity(item, key), key))
    result: list[Any] = []
    while theirs and others:
        new = _position(server, _identity(theirs[0], key), key)
        own = _position(server, _identity(others[0], key), key)
        own_first = new is not None and own is not None and own < new
        result.append(others.pop(0) if own_first else theirs.pop(0))
    return result + theirs + others


def _rank(server: list[Any], wanted: Any, key: str) -> int:
    place = _position(server, wanted, key)
    return len(server) if place is None else place
