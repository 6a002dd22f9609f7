"""JSON Patch (RFC 6902) with JSON Pointers (RFC 6901)."""

from __future__ import annotations

from typing import Any, Final

from drillbook.sandbox.status import ApiError, bad_request
from drillbook.sandbox.store import clone

_MOST_OPERATIONS: Final = 10_000
_NEEDS: Final = {
    "add": ("value",), "replace": ("value",), "test": ("value",), "remove": (), "move": ("from",), "copy": ("from",),
}  # fmt: skip


def apply(document: Any, operations: Any) -> Any:
    """The patched copy of ``document``. ApiError 400 for a patch that can't be read, 422 for one that does not fit."""
    if not isinstance(operations, list) or len(operations) > _MOST_OPERATIONS:
        raise bad_request(f"expected a list of at most {_MOST_OPERATIONS} JSON patch operations")
    result = clone(document)
    for operation in operations:
        result = _one(result, operation)
    return result


def _one(document: Any, operation: Any) -> Any:
    name = operation.get("op") if isinstance(operation, dict) else None
    if name not in _NEEDS or any(field not in operation for field in ("path", *_NEEDS[name])):
        raise bad_request(f"unexpected JSON patch operation: {operation!r}")
    path = _pointer(operation["path"])
    match name:
        case "add":
            return _add(document, path, clone(operation["value"]))
        case "replace":
            _get(document, path)
            return _add(_remove(document, path), path, clone(operation["value"])) if path else operation["value"]
        case "remove":
            return _remove(document, path)
        case "test":
            if not _same(_get(document, path), operation["value"]):
                raise _unfit(f"testing path {operation['path']} value failed")
            return document
    source = _pointer(operation["from"])
    value = clone(_get(document, source))
    if name == "move":
        if path[: len(source)] == source and path != source:
            raise _unfit(f"can't move {operation['from']} into itself")
        document = _remove(document, source)
    return _add(document, path, value)


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise bad_request(f"invalid JSON pointer: {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part, len(document) - 1)]
        else:
            raise _unfit(f"the path /{'/'.join(path)} does not exist")
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    last = path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent)), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _unfit(f"the path /{'/'.join(path)} does not exist")
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        return None
    _get(document, path)
    parent = _get(document, path[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, path[-1], len(parent) - 1)]
    else:
        del parent[path[-1]]
    return document


def _index(array: list[Any], part: str, most: int) -> int:
    if not part.isascii() or not part.isdigit() or (part != "0" and part.startswith("0")) or int(part) > most:
        raise _unfit(f"invalid index: {part} of a list of {len(array)}")
    return int(part)


def _same(one: Any, other: Any) -> bool:
    """JSON equality: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _unfit(sentence: str) -> ApiError:
    text = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", text, causes=[("InvalidPatch", sentence, "")])
