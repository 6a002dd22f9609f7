"""Custom resources and their definitions' structural schemas: pruning, defaults, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drillbook.sandbox.api.names import Cause, invalid, required, unsupported
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.store import clone

_KEPT: Final = frozenset({"apiVersion", "kind", "metadata"})
_ANY: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,), "array": (list,)
}  # fmt: skip
_WORDS: Final = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}


def schema_of(kind: Kind) -> Mapping[str, Any]:
    """The schema of a custom kind; without one everything is kept."""
    return ((kind.custom or {}).get("schema") or {}).get("openAPIV3Schema") or {_ANY: True}


def prune(kind: Kind, given: Object) -> tuple[Object, list[str]]:
    """The object without what the schema doesn't know, with its defaults; and the paths of what was left out."""
    unknown: list[str] = []
    schema = schema_of(kind)
    kept = {name: clone(value) for name, value in given.items() if name in _KEPT}
    rest = {name: value for name, value in given.items() if name not in _KEPT}
    return kept | _pruned(rest, schema, "", unknown), unknown


def _pruned(value: Any, schema: Mapping[str, Any], path: str, unknown: list[str]) -> Any:
    if isinstance(value, list):
        items = schema.get("items") or {_ANY: True}
        return [_pruned(item, items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    kept: Object = {}
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if name in known:
            if item is not None or known[name].get("nullable"):
                kept[name] = _pruned(item, known[name], here, unknown)
        elif more:
            kept[name] = _pruned(item, more if isinstance(more, dict) else {_ANY: True}, here, unknown)
        elif schema.get(_ANY):
            kept[name] = clone(item) if isinstance(item, (dict, list)) else item
        else:
            unknown.append(here)
    for name, inner in known.items():
        if name not in kept and "default" in inner and not (not path and name in _KEPT):
            kept[name] = _pruned(clone(inner["default"]), inner, name, unknown)
    return kept


def causes(kind: Kind, obj: Object) -> list[Cause]:
    """Everything in which the object differs from its schema."""
    found: list[Cause] = []
    _check({k: v for k, v in obj.items() if k not in _KEPT}, schema_of(kind), "", found)
    return found


def _check(value: Any, schema: Mapping[str, Any], path: str, found: list[Cause]) -> None:
    if value is None and schema.get("nullable"):
        return
    wanted = schema.get("type")
    loose = schema.get(_INT_OR_STRING) and isinstance(value, (int, str)) and not isinstance(value, bool)
    if wanted and not loose and not _is(value, wanted):
        sentence = f'{path} in body must be of type {wanted}: "{_WORDS.get(type(value), "null")}"'
        found.append(("FieldValueTypeInvalid", invalid(_WORDS.get(type(value), "null"), sentence, path)[1], path))
        return
    choices = schema.get("enum")
    if choices and value not in choices:
        found.append(unsupported(value, tuple(str(choice) for choice in choices), path))
    _check_size(value, schema, path, found)
    if isinstance(value, dict):
        known, more = schema.get("properties") or {}, schema.get("additionalProperties")
        here = f"{path}." if path else ""
        found += [required(f"{here}{n}") for n in schema.get("required") or () if n not in value and n not in _KEPT]
        for name, item in value.items():
            inner = known.get(name, more if isinstance(more, dict) else {})
            _check(item, inner, f"{here}{name}", found)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _check(item, schema.get("items") or {}, f"{path}[{i}]", found)


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES.get(wanted, (object,)))


def _check_size(value: Any, schema: Mapping[str, Any], path: str, found: list[Cause]) -> None:
    """Minimum and maximum, as Kubernetes words them."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and value < least:
        found.append(invalid(value, f"{path} in body should be greater than or equal to {least:g}", path))
    if most is not None and value > most:
        found.append(invalid(value, f"{path} in body should be less than or equal to {most:g}", path))
