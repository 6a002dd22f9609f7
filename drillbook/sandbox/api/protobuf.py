"""Kubernetes' binary encoding, read only: what kubectl's typed commands send (``create``, ``drain``, ``auth can-i``).

A body is four magic bytes and an envelope that names the kind and holds the object; the tables give every field's
number. Answers are always JSON, which every client takes.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from drillbook.sandbox.api.schema.schemas import SCALARS, Field, Schemas, Type
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import bad_request

MAGIC: Final = b"k8s\x00"
CONTENT_TYPE: Final = "application/vnd.kubernetes.protobuf"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def decode(data: bytes, schemas: Schemas) -> Object:
    """The object in a body. ApiError 400 when it can't be read."""
    if not data.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = dict(_fields(data[len(MAGIC) :]))
        names = {number: value.decode() for number, value in _fields(envelope.get(1, b""))}
        api_version, kind = names.get(1, ""), names.get(2, "")
        type_ = schemas.named(api_version, kind)
        if type_ is None:
            raise bad_request(f'no kind "{kind}" is registered for version "{api_version}"')
        return _Reader(schemas).message(envelope.get(2, b""), type_) | {"apiVersion": api_version, "kind": kind}
    except (ValueError, IndexError, struct.error, AttributeError, TypeError) as error:
        raise bad_request(f"the protobuf body can't be read: {error}") from None


class _Reader:
    """Messages along the types of ``schemas``."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._layouts: dict[str, dict[int, Any]] = {}

    def message(self, data: bytes, type_: Type) -> Object:
        """A message as the JSON object that it stands for."""
        kept: Object = {}
        if type_.name not in self._layouts:
            self._layouts[type_.name] = _layout(type_)
        self._read(data, self._layouts[type_.name], kept)
        return kept

    def _read(self, data: bytes, layout: dict[int, Any], into: Object) -> None:
        for number, raw in _fields(data):
            found = layout.get(number)
            if isinstance(found, dict):
                self._read(raw, found, into)
            elif found is not None:
                self._add(into, found, raw)

    def _add(self, into: Object, field: Field, raw: Any) -> None:
        match field.container:
            case "[]":
                into.setdefault(field.name, []).append(self._value(raw, field.type))
            case "{}":
                key, value = _entry(raw)
                into.setdefault(field.name, {})[key] = self._value(value, field.type)
            case "{}[]":
                key, value = _entry(raw)
                items = [self._value(item, field.type) for _, item in _fields(value)]
                into.setdefault(field.name, {})[key] = items
            case _:
                value = self._value(raw, field.type)
                # Fields that can't be told from none are always sent, empty ones too; JSON leaves those out.
                if value is not None and not field.leaves_out(value):
                    into[field.name] = value

    def _value(self, raw: Any, type_: str) -> Any:
        if type_ not in SCALARS:
            return self.message(raw, self._schemas.types[type_])
        match type_:
            case "string":
                return raw.decode()
            case "integer":
                return raw - (1 << 64) if raw >> 63 else raw
            case "boolean":
                return bool(raw)
            case "number":
                return struct.unpack("<d", raw)[0]
            case "bytes":
                return base64.b64encode(raw).decode()
            case "time" | "microtime":
                return _time(raw)
        inner = dict(_fields(raw))
        if type_ == "int-or-string":
            return inner.get(3, b"").decode() if inner.get(1) else self._value(inner.get(2, 0), "integer")
        text = inner.get(1, b"").decode()
        if type_ == "quantity":
            return text
        return json.loads(text) if text else None


def _layout(type_: Type) -> dict[int, Any]:
    """Fields by number; a nameless message is a layout of its own."""
    layout: dict[int, Any] = {}
    for field in type_.fields.values():
        if field.number:
            node = layout
            for step in field.number[:-1]:
                node = node.setdefault(step, {})
            node[field.number[-1]] = field
    return layout


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and raw value of each field: an integer, or bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(data, position)
        elif wire in {_FIXED64, _FIXED32}:
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} of field {number}")
        if position + length > len(data):
            raise ValueError(f"field {number} ends after the message")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _entry(raw: bytes) -> tuple[str, Any]:
    """A map's entry; its value may be missing when it is empty."""
    inner = dict(_fields(raw))
    return inner.get(1, b"").decode(), inner.get(2, b"")


def _time(raw: bytes) -> str | None:
    """Seconds and nanoseconds since 1970; an empty message is no time."""
    inner = dict(_fields(raw))
    if not inner:
        return None
    seconds = inner.get(1, 0)
    moment = datetime.fromtimestamp(seconds - (1 << 64) if seconds >> 63 else seconds, UTC)
    return moment.replace(microsecond=inner.get(2, 0) // 1000).isoformat().replace("+00:00", "Z")
