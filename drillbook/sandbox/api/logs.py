"""pods/log: a container's output, as it is or as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.containers import chosen_container
from drillbook.sandbox.api.names import Cause
from drillbook.sandbox.api.names import invalid as invalid_value
from drillbook.sandbox.kinds import POD
from drillbook.sandbox.status import bad_request, invalid

_HEADERS_AFTER: Final = 0.2
"""A follower gets its headers after this many seconds, whether or not the container has said anything."""


async def get(call: Call) -> web.StreamResponse:
    """Stream the log. ApiError 400 for a wrong container, 404 for a wrong pod, 422 for wrong options."""
    pod = call.store.need(POD, call.namespace, call.name)
    tail, limit = call.number("tailLines"), call.number("limitBytes")
    since = _since(call, tail, limit)
    container = chosen_container(pod, call.option("container"))
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {call.name} does not have a host assigned")
    chunks = call.server.agent.logs(
        pod,
        container,
        follow=call.flag("follow"),
        tail=tail,
        since=since,
        previous=call.flag("previous"),
        timestamps=call.flag("timestamps"),
        limit_bytes=limit,
    )
    first = asyncio.ensure_future(anext(chunks, b""))
    try:
        await asyncio.wait({first}, timeout=_HEADERS_AFTER)
        if first.done():
            first.result()  # raises before the headers are out
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(call.request)
        await answer.write(await first)
        async for chunk in chunks:
            await answer.write(chunk)
    finally:
        first.cancel()
        await _close(chunks)
    return answer


async def _close(chunks: AsyncIterator[bytes]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


def _since(call: Call, tail: int | None, limit: int | None) -> datetime | None:
    """The moment to begin at; ApiError 422 for options that can't be."""
    seconds, moment = call.number("sinceSeconds"), call.option("sinceTime")
    causes: list[Cause] = []
    if tail is not None and tail < 0:
        causes.append(invalid_value(tail, "must be greater than or equal to 0", "tailLines"))
    if limit is not None and limit < 1:
        causes.append(invalid_value(limit, "must be greater than 0", "limitBytes"))
    if seconds is not None and moment:
        causes.append(("FieldValueForbidden", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be set", ""))
    elif seconds is not None and seconds < 1:
        causes.append(invalid_value(seconds, "must be greater than 0", "sinceSeconds"))
    if causes:
        raise invalid("PodLogOptions", "", call.name, causes)
    if seconds is not None:
        return datetime.now(UTC) - timedelta(seconds=seconds)
    if not moment:
        return None
    try:
        return datetime.fromisoformat(moment).astimezone(UTC)
    except ValueError:
        raise bad_request(f'parsing time "{moment}" as "2006-01-02T15:04:05Z07:00": cannot parse "{moment}"') from None
