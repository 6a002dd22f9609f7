"""Get and list: one object, or a consistent page of many."""

from __future__ import annotations

import base64
import json
from typing import Final

from aiohttp import web

from drillbook.sandbox.api.answers import json_answer, wanted_shape
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.selectors import matcher
from drillbook.sandbox.api.views import shown, shown_list
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.status import ApiError, bad_request
from drillbook.sandbox.store import Store

_TOKEN_VERSION: Final = "meta.k8s.io/v1"


async def get(call: Call) -> web.Response:
    """One object. ApiError 404."""
    shape = wanted_shape(call.request.headers.get("Accept", ""))
    return json_answer(shown(call, call.store.need(call.storage, call.namespace, call.name), shape))


async def list_(call: Call) -> web.Response:
    """A collection, whole or in pages. ApiError 400 for parameters, 410 for a page of a list too long ago."""
    shape = wanted_shape(call.request.headers.get("Accept", ""))
    match = matcher(call.kind, call.option("labelSelector"), call.option("fieldSelector"))
    limit = call.number("limit") or 0
    version, after = _asked_version(call)
    objects = call.store.list(call.storage, call.namespace)
    if version != call.store.version:
        objects = snapshot(call.store, call.storage, call.namespace, version)
    if match is not None:
        objects = [obj for obj in objects if match(obj)]
    if after is not None:
        objects = [obj for obj in objects if _key(obj) > after]
    metadata: Object = {"resourceVersion": str(version)}
    if limit and len(objects) > limit:
        metadata["continue"] = _token(version, _key(objects[limit - 1]))
        if match is None:
            metadata["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
    return json_answer(shown_list(call, objects, metadata, shape))


def snapshot(store: Store, kind: Kind, namespace: str, version: int) -> list[Object]:
    """All objects of a kind as they were at ``version``: the present ones, with the changes since then taken back."""
    objects = {_key(obj): obj for obj in store.list(kind, namespace)}
    for change in reversed(list(store.changes_since(kind, version))):
        if namespace and change.namespace != namespace:
            continue
        if change.before is None:
            objects.pop(_key(change.object), None)
        else:
            objects[_key(change.object)] = change.before
    return [objects[key] for key in sorted(objects)]


def _asked_version(call: Call) -> tuple[int, tuple[str, str] | None]:
    """The version to list at, and after which object to begin."""
    token, asked, rule = call.option("continue"), call.option("resourceVersion"), call.option("resourceVersionMatch")
    if token:
        if asked not in {"", "0"}:
            raise bad_request("specifying resource version is not allowed when using continue")
        return _read_token(token)
    if rule and not asked:
        raise bad_request(
            f'Invalid value: "{rule}": resourceVersionMatch is forbidden unless resourceVersion is provided'
        )
    if rule not in {"", "Exact", "NotOlderThan"}:
        raise bad_request(
            f'Unsupported value: "{rule}": resourceVersionMatch: supported values: "Exact", "NotOlderThan"'
        )
    version = parse_version(asked)
    if version > call.store.version:
        raise too_new(version, call.store.version)
    return (version if rule == "Exact" else call.store.version), None


def parse_version(text: str) -> int:
    """A resource version; empty is 0. ApiError 400."""
    if text and not text.isdigit():
        raise bad_request(
            f'Invalid value: "{text}": resourceVersion: strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text or 0)


def too_new(version: int, current: int) -> ApiError:
    """The answer to a version that has not been yet."""
    message = f"Timeout: Too large resource version: {version}, current: {current}"
    causes = [("ResourceVersionTooLarge", "Too large resource version", "")]
    return ApiError(504, "Timeout", message, details={"retryAfterSeconds": 1}, causes=causes)


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _token(version: int, last: tuple[str, str]) -> str:
    data = json.dumps({"v": _TOKEN_VERSION, "rv": version, "start": list(last)})
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, tuple[str, str]]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = data["start"]
        return int(data["rv"]), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError):
        raise bad_request("continue key is not valid: it was not issued by this server") from None
