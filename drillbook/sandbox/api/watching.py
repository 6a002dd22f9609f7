"""Watch: a stream of what happens to a collection, as seen through the watcher's selectors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from drillbook.sandbox.api.answers import wanted_shape
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.reading import parse_version, too_new
from drillbook.sandbox.api.selectors import Match, matcher
from drillbook.sandbox.api.views import shown
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.status import ApiError, bad_request
from drillbook.sandbox.store import Change, Subscription, dump

_BOOKMARK_EVERY: Final = 60.0
_LONGEST: Final = (1800.0, 3600.0)
"""Without a timeout of its own, a watch ends somewhere in between, as Kubernetes' do."""
_INITIAL_END: Final = {"k8s.io/initial-events-end": "true"}


async def watch(call: Call) -> web.StreamResponse:
    """Stream changes until the client leaves or the time is over. ApiError 400 for its parameters."""
    shape = wanted_shape(call.request.headers.get("Accept", ""))
    match = matcher(call.kind, call.option("labelSelector"), _fields(call))
    version = parse_version(call.option("resourceVersion"))
    if version > call.store.version:
        raise too_new(version, call.store.version)
    first_all = _wants_initial(call, version)
    seconds = call.number("timeoutSeconds") or random.uniform(*_LONGEST)
    subscription = call.store.subscribe(call.storage)
    try:
        try:
            start = b"".join(_beginning(call, match, shape, version, first_all))
        except ApiError as error:  # the history is shorter than that: told inside the stream, as Kubernetes does
            start, seconds = event("ERROR", dump(error.body())), 0
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(call.request)
        await answer.write(start)
        await _follow(call, answer, subscription, match, shape, asyncio.get_running_loop().time() + seconds)
    finally:
        subscription.close()
    return answer


def _fields(call: Call) -> str:
    """A watch of one object by its path selects it by name."""
    given = call.option("fieldSelector")
    if not call.name:
        return given
    return f"metadata.name={call.name}" + (f",{given}" if given else "")


def _wants_initial(call: Call, version: int) -> bool:
    asked = call.request.query.get("sendInitialEvents")
    rule = call.option("resourceVersionMatch")
    if asked is None:
        if rule:
            raise bad_request("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        return version == 0
    if rule != "NotOlderThan":
        raise bad_request("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    return asked.lower() == "true" or version == 0


def _beginning(call: Call, match: Match | None, shape: str, version: int, first_all: bool) -> Iterator[bytes]:
    """What is there already, or what happened since ``version``."""
    if first_all:
        for obj in call.store.list(call.storage, call.namespace):
            if match is None or match(obj):
                yield event("ADDED", shown(call, obj, shape))
        if call.flag("sendInitialEvents") and call.flag("allowWatchBookmarks"):
            yield _bookmark(call, call.store.version, shape, _INITIAL_END)
    else:
        for change in call.store.changes_since(call.storage, version):
            line = _line(call, change, match, shape)
            if line:
                yield line


async def _follow(
    call: Call,
    answer: web.StreamResponse,
    subscription: Subscription,
    match: Match | None,
    shape: str,
    until: float,
) -> None:
    clock = asyncio.get_running_loop().time
    bookmarks = call.flag("allowWatchBookmarks")
    bookmark_at = clock() + _BOOKMARK_EVERY
    while clock() < until:
        wake = min(until, bookmark_at) if bookmarks else until
        try:
            change = await asyncio.wait_for(subscription.next(), max(0.0, wake - clock()))
        except TimeoutError:
            if bookmarks:
                await answer.write(_bookmark(call, call.store.version, shape))
                bookmark_at = clock() + _BOOKMARK_EVERY
            continue
        lines = [_line(call, change, match, shape)]
        while not subscription.queue.empty():
            lines.append(_line(call, subscription.queue.get_nowait(), match, shape))
        data = b"".join(lines)
        if data:
            await answer.write(data)


def _line(call: Call, change: Change, match: Match | None, shape: str) -> bytes:
    """A change as this watcher sees it; empty when it doesn't concern it."""
    if call.namespace and change.namespace != call.namespace:
        return b""
    type_, obj = change.type, change.object
    if match is not None:
        was = change.before is not None and match(change.before)
        now = type_ != "DELETED" and match(change.object)
        if not was and not now:
            return b""
        if change.before is not None and not now:
            type_, obj = "DELETED", _as_of(change.before, change.version)
        else:
            type_ = "MODIFIED" if was else "ADDED"
    return event(type_, shown(call, obj, shape))


def _as_of(obj: Object, version: int) -> Object:
    """The state in which a watcher last knew an object, at the version in which it left the watcher's sight."""
    return obj | {"metadata": obj["metadata"] | {"resourceVersion": str(version)}}


def event(type_: str, obj: bytes) -> bytes:
    """One line of the stream."""
    return b'{"type":"' + type_.encode() + b'","object":' + obj + b"}\n"


def _bookmark(call: Call, version: int, shape: str, annotations: dict[str, str] | None = None) -> bytes:
    metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    if shape == "Table":
        row = {"cells": [], "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}}
        row["object"]["metadata"] = metadata  # type: ignore[index]
        return event("BOOKMARK", dump({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": [row]}))
    return event("BOOKMARK", dump({"kind": call.kind.name, "apiVersion": call.kind.api_version, "metadata": metadata}))
