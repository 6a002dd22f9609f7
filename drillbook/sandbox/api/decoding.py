"""Reads a given object as its kind's type: wrong types are refused, unknown fields named and dropped, forms unified.

What comes out is what Kubernetes would keep: no nulls, nothing empty that means the same as nothing, times in whole
seconds, quantities in their canonical form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from drillbook.sandbox.api import quantities
from drillbook.sandbox.api.schema.schemas import Field, Schemas, Type
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.status import ApiError

_DEEPEST: Final = 200


class Decoder:
    """Decodes one object; ``unknown`` lists the paths of the fields that its type does not have."""

    def __init__(self, schemas: Schemas, kind: Kind) -> None:
        self._schemas = schemas
        self._kind = kind
        self.unknown: list[str] = []

    def decode(self, given: Object) -> Object:
        """The object as it would be kept. ApiError 400 when a value has the wrong type."""
        type_ = self._schemas.of(self._kind)
        if type_ is None:
            return given
        return self._struct(given, type_, "", 0)

    def _struct(self, given: Any, type_: Type, path: str, depth: int) -> Object:
        if not isinstance(given, dict):
            raise self._mismatch(given, path, type_.name)
        if depth > _DEEPEST:
            raise self._refuse("json: exceeded max depth")
        kept: Object = {}
        for name, value in given.items():
            field = type_.fields.get(name)
            here = f"{path}.{name}" if path else name
            if field is None:
                self.unknown.append(here)
            elif value is not None:
                decoded = self._field(value, field, here, depth + 1)
                if not field.leaves_out(decoded):
                    kept[name] = decoded
        return kept

    def _field(self, value: Any, field: Field, path: str, depth: int) -> Any:
        match field.container:
            case "[]":
                return self._list(value, field.type, path, depth)
            case "{}":
                return {k: self._one(v, field.type, f"{path}.{k}", depth) for k, v in self._map(value, path).items()}
            case "{}[]":
                return {k: self._list(v, field.type, f"{path}.{k}", depth) for k, v in self._map(value, path).items()}
        return self._one(value, field.type, path, depth)

    def _list(self, value: Any, type_: str, path: str, depth: int) -> list[Any]:
        if not isinstance(value, list):
            raise self._mismatch(value, path, f"[]{type_}")
        return [self._one(item, type_, f"{path}[{i}]", depth) for i, item in enumerate(value)]

    def _map(self, value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._mismatch(value, path, "map")
        return value

    def _one(self, value: Any, type_: str, path: str, depth: int) -> Any:
        scalar = _SCALARS.get(type_)
        if scalar is None:
            return self._struct({} if value is None else value, self._schemas.types[type_], path, depth)
        accepts, convert = scalar
        if value is None and type_ in {"string", "bytes"}:
            return ""
        if not accepts(value):
            raise self._mismatch(value, path, _GO_TYPES.get(type_, type_))
        if convert is None:
            return value
        try:
            return convert(value)
        except ValueError as error:
            raise self._refuse(str(error)) from None

    def _mismatch(self, value: Any, path: str, wanted: str) -> ApiError:
        found = _JSON_NAMES.get(type(value), "value")
        return self._refuse(
            f"json: cannot unmarshal {found} into Go struct field {self._kind.name}.{path} of type {wanted}"
        )

    def _refuse(self, sentence: str) -> ApiError:
        kind = self._kind
        head = f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}'
        return ApiError(400, "BadRequest", f"{head}: {sentence}")


def _is_int(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_str(value: Any) -> bool:
    return isinstance(value, str)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or len(text) < 20:
            raise ValueError(text)
    except ValueError:
        raise ValueError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}"') from None
    return moment.astimezone(UTC)


def _time(text: str) -> str:
    return _moment(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def _microtime(text: str) -> str:
    return _moment(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _bytes(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except binascii.Error:
        raise ValueError("illegal base64 data at input byte 0") from None


def _quantity(value: Any) -> str:
    return quantities.canonical(value if isinstance(value, str) else repr(value))


_SCALARS: Final[dict[str, tuple[Callable[[Any], bool], Callable[[Any], Any] | None]]] = {
    "string": (_is_str, None),
    "integer": (_is_int, int),
    "number": (_is_number, None),
    "boolean": (lambda value: isinstance(value, bool), None),
    "time": (_is_str, _time),
    "microtime": (_is_str, _microtime),
    "bytes": (_is_str, _bytes),
    "quantity": (lambda value: _is_str(value) or _is_number(value), _quantity),
    "int-or-string": (lambda value: _is_str(value) or _is_int(value), None),
    "any": (lambda _: True, None),
}
_GO_TYPES: Final = {"integer": "int32", "boolean": "bool", "number": "float64", "bytes": "[]uint8", "time": "v1.Time"}
_JSON_NAMES: Final = {str: "string", int: "number", float: "number", bool: "bool", list: "array", dict: "object"}
