"""Completions: asked of a provider that may say 429, and kept in the cache so that it is asked less often."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Final
from urllib.parse import urlsplit

from drillbook.sandbox.names import find_address
from drillbook.sandbox.refapp import log, metrics
from drillbook.sandbox.refapp.cache import Cache, CacheUnavailable
from drillbook.sandbox.refapp.http import HttpError, Request, Response, answer
from drillbook.sandbox.refapp.orders import text
from drillbook.sandbox.refapp.provider import LONGEST_PROMPT

SECONDS: Final = 10.0
KEPT_SECONDS: Final = 3600
LONGEST_ANSWER: Final = 1024 * 1024
TOO_MANY: Final = 429


class Completions:
    """The route /completions."""

    def __init__(self, url: str, cache: Cache, registry: metrics.Registry) -> None:
        """``url``: where the provider takes prompts."""
        self._url = url
        self._cache = cache
        self._asked = registry.add(metrics.Counter("provider_requests_total", "Provider's answers.", ("status",)))
        self._limited = registry.add(metrics.Counter("provider_rate_limit_errors_total", "Answers with status 429."))
        self._hits = registry.add(metrics.Counter("provider_cache_hits_total", "Prompts that the cache answered."))

    async def create(self, request: Request) -> Response:
        """The completion of a prompt; 429 when the provider says so, 502 when it can't be asked."""
        prompt = text(request.json_object(), "prompt", LONGEST_PROMPT)
        key = f"completion:{hashlib.sha256(prompt.encode()).hexdigest()}"
        kept = await self._kept(key)
        if kept is not None:
            self._hits.inc()
            return answer(200, {"text": kept, "cached": True})
        try:
            async with asyncio.timeout(SECONDS):
                status, found = await post(self._url, {"prompt": prompt})
        except (OSError, EOFError, ValueError) as error:
            log.error("the provider can't be asked", reason=str(error) or "no answer in time")
            raise HttpError(502, "the provider gave no answer") from error
        self._asked.inc(str(status))
        if status == TOO_MANY:
            self._limited.inc()
            log.warning("rate limit of the provider reached", status=status)
            raise HttpError(TOO_MANY, "the provider's rate limit is reached", {"Retry-After": "1"})
        if status != 200:
            raise HttpError(502, f"the provider answered {status}")
        completion = str(found.get("text", ""))
        await self._keep(key, completion)
        return answer(200, {"text": completion, "cached": False})

    async def _kept(self, key: str) -> str | None:
        try:
            found = await self._cache.ask("GET", key)
        except CacheUnavailable as error:
            log.warning("completions are not cached", reason=str(error))
            return None
        return found.decode() if isinstance(found, bytes) else None

    async def _keep(self, key: str, completion: str) -> None:
        try:
            await self._cache.ask("SET", key, completion, "EX", KEPT_SECONDS)
        except CacheUnavailable as error:
            log.warning("a completion was not kept", reason=str(error))


async def post(url: str, document: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Send a JSON object; returns the answer's status and object, empty where it is none. OSError, EOFError."""
    parts = urlsplit(url)
    address = await find_address(parts.hostname or "")
    reader, writer = await asyncio.open_connection(address, parts.port or 80, limit=LONGEST_ANSWER)
    try:
        body = json.dumps(document).encode()
        head = f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        first, _, _ = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        status, said = int(first.split()[1]), await reader.read(LONGEST_ANSWER)
    finally:
        writer.close()
    found = json.loads(said) if status == 200 else {}
    return status, found if isinstance(found, dict) else {}
