"""OpenAPI documents, made from the tables: enough for ``kubectl apply``, ``explain`` and field validation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from drillbook.sandbox.api.schema.schemas import SCALARS, Field, Schemas, Type
from drillbook.sandbox.api.virtual import VIRTUAL, verbs
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.store import dump

_TITLE: Final = {"title": "Kubernetes", "version": "v1.37.0"}
_SCALAR: Final[dict[str, Object]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "format": "int32"},
    "number": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"type": "string"},
    "int-or-string": {"type": "string", "format": "int-or-string"},
    "any": {"type": "object"},
}
_PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_PREFIX: Final = "io.k8s.api."


class OpenApi:
    """Builds each document once, when it is first asked for."""

    def __init__(self, schemas: Schemas, kinds: Sequence[Kind]) -> None:
        self._schemas = schemas
        self._kinds = tuple(kinds)
        self._documents: dict[str, bytes] = {}

    def v3_index(self) -> Object:
        """The list of documents, one per group and version."""
        paths = {}
        for path in dict.fromkeys(_root(kind) for kind in self._kinds):
            digest = hashlib.sha256(self.v3(path) or b"").hexdigest()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
        return {"paths": paths}

    def v3(self, path: str) -> bytes | None:
        """The document of ``api/v1`` or ``apis/GROUP/VERSION``; None when there is none."""
        if path not in self._documents:
            kinds = [kind for kind in self._kinds if _root(kind) == path]
            if not kinds:
                return None
            self._documents[path] = dump(self._v3(kinds))
        return self._documents[path]

    def v2(self) -> bytes:
        """Everything in one document of the old form."""
        if "v2" not in self._documents:
            body = {"in": "body", "name": "body", "required": True, "schema": {"type": "object"}}
            paths = {
                path: {
                    verb: {
                        "operationId": f"{verb}{kind.group}{kind.version}{kind.name}",
                        "consumes": list(_PATCHES) if verb == "patch" else ["application/json"],
                        "produces": ["application/json"],
                        "parameters": ([body] if verb in {"post", "put", "patch"} else []) + _parameters(verb, 2),
                        "responses": {"200": {"description": "OK"}},
                        "x-kubernetes-action": verb,
                        "x-kubernetes-group-version-kind": _gvk(kind),
                    }
                    for verb in operations
                }
                for kind in self._kinds
                for path, operations in _paths(kind)
            }
            definitions = self._definitions(self._kinds, "#/definitions/")
            document = {"swagger": "2.0", "info": _TITLE, "paths": paths, "definitions": definitions}
            self._documents["v2"] = dump(document)
        return self._documents["v2"]

    def _v3(self, kinds: Sequence[Kind]) -> Object:
        paths: Object = {}
        for kind in kinds:
            reference = {"$ref": f"#/components/schemas/{_PREFIX}{self._name(kind)}"}
            answer = {"description": "OK", "content": {"application/json": {"schema": reference}}}
            for path, operations in _paths(kind):
                paths[path] = {verb: _operation(kind, verb, reference, answer) for verb in operations}
        definitions = self._definitions(kinds, "#/components/schemas/")
        return {"openapi": "3.0.0", "info": _TITLE, "paths": paths, "components": {"schemas": definitions}}

    def _name(self, kind: Kind) -> str:
        type_ = self._schemas.of(kind)
        return type_.name if type_ else f"{kind.group}.{kind.version}.{kind.name}"

    def _definitions(self, kinds: Iterable[Kind], prefix: str) -> Object:
        """The types of ``kinds`` and everything below them."""
        found: Object = {_PREFIX + self._name(k): _anything(k) for k in kinds if self._schemas.of(k) is None}
        top = {self._name(kind): kind for kind in kinds if self._schemas.of(kind) is not None}
        waiting = list(top)
        while waiting:
            name = waiting.pop()
            if _PREFIX + name in found:
                continue
            type_ = self._schemas.types[name]
            found[_PREFIX + name] = _definition(type_, prefix)
            if name in top:
                found[_PREFIX + name]["x-kubernetes-group-version-kind"] = [_gvk(top[name])]
            waiting += [field.type for field in type_.fields.values() if field.type not in SCALARS]
        return found


def _anything(kind: Kind) -> Object:
    """A kind of which only the name is known."""
    return {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "x-kubernetes-group-version-kind": [_gvk(kind)],
    }


def _definition(type_: Type, prefix: str) -> Object:
    shown: Object = {"type": "object", "properties": {n: _property(f, prefix) for n, f in type_.fields.items()}}
    needed = [name for name, field in type_.fields.items() if field.required]
    if needed:
        shown["required"] = needed
    return shown


def _property(field: Field, prefix: str) -> Object:
    reference: Object = (
        dict(_SCALAR[field.type]) if field.type in SCALARS else {"$ref": f"{prefix}{_PREFIX}{field.type}"}
    )
    if field.container and "$ref" not in reference:
        reference.pop("format", None)
    match field.container:
        case "[]":
            shown: Object = {"type": "array", "items": reference}
        case "{}":
            shown = {"type": "object", "additionalProperties": reference}
        case "{}[]":
            shown = {"type": "object", "additionalProperties": {"type": "array", "items": reference}}
        case _:
            shown = reference
    if field.merge is not None:
        shown["x-kubernetes-patch-strategy"] = "merge,retainKeys" if field.keep else "merge"
        shown["x-kubernetes-list-type"] = "map" if field.merge else "set"
        if field.merge:
            shown["x-kubernetes-patch-merge-key"] = field.merge
            shown["x-kubernetes-list-map-keys"] = [field.merge]
    elif field.keep:
        shown = {"allOf": [shown], "x-kubernetes-patch-strategy": "retainKeys"} if "$ref" in shown else shown
    return shown


def _gvk(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _root(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def _paths(kind: Kind) -> list[tuple[str, tuple[str, ...]]]:
    """The paths of a kind and what may be done there."""
    base = f"/{_root(kind)}/" + ("namespaces/{namespace}/" if kind.namespaced else "") + kind.plural
    if kind in VIRTUAL:
        return [(base, ("post",) if "create" in verbs(kind) else ("get",))]
    return [(base, ("get", "post", "delete")), (base + "/{name}", ("get", "put", "patch", "delete"))]


def _parameters(verb: str, version: int) -> list[Object]:
    if verb not in {"post", "put", "patch"}:
        return []
    names = ("dryRun", "fieldManager", "fieldValidation")
    if version == 2:
        return [{"in": "query", "name": name, "type": "string", "uniqueItems": True} for name in names]
    return [{"in": "query", "name": name, "schema": {"type": "string", "uniqueItems": True}} for name in names]


def _operation(kind: Kind, verb: str, reference: Object, answer: Object) -> Object:
    shown: dict[str, Any] = {
        "operationId": f"{verb}{kind.group.title()}{kind.version.title()}{kind.name}",
        "parameters": _parameters(verb, 3),
        "responses": {"200": answer},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }
    if verb in {"post", "put"}:
        shown["requestBody"] = {"content": {"application/json": {"schema": reference}}, "required": True}
    elif verb == "patch":
        shown["requestBody"] = {
            "content": {patch: {"schema": {"type": "object"}} for patch in _PATCHES},
            "required": True,
        }
    return shown
