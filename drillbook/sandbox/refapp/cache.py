"""The cache and queue: one connection to Redis, opened when needed and again after it broke."""

from __future__ import annotations

import asyncio
from typing import Final

from drillbook.sandbox.names import find_address
from drillbook.sandbox.refapp import log
from drillbook.sandbox.refapp.backoff import Backoff
from drillbook.sandbox.refapp.settings import CacheSettings
from drillbook.sandbox.resp import Failure, ProtocolError, Replies, Reply, command

SECONDS: Final = 1.0


class CacheUnavailable(Exception):
    """No answer from the cache, or a no; what was asked may or may not have been done."""


class Cache:
    """Asks one question at a time. A command is never sent twice."""

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._backoff = Backoff()

    async def ask(self, *words: str | bytes | int, seconds: float = SECONDS) -> Reply:
        """The reply to a command. Raises CacheUnavailable when there is none within ``seconds``, or it is an error."""
        try:
            async with asyncio.timeout(seconds), self._lock:
                reader, writer = await self._connected()
                try:
                    reply = await _exchange(reader, writer, command(*words))
                except BaseException:
                    # A reply that comes later would be taken for the answer to the next question.
                    self._hang_up()
                    raise
        except (OSError, EOFError, ProtocolError) as error:
            reason = str(error) or f"no answer within {seconds:g} s"
            self._backoff.failed(reason)
            raise CacheUnavailable(reason) from error
        if isinstance(reply, Failure):
            raise CacheUnavailable(reply)
        return reply

    async def ping(self, seconds: float) -> None:
        """Have the cache answer a question. Raises CacheUnavailable when it doesn't."""
        await self.ask("PING", seconds=seconds)

    def close(self) -> None:
        """Hang up; the next question connects again."""
        self._hang_up()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams and not self._streams[0].at_eof():
            return self._streams
        self._hang_up()
        if self._backoff.remaining:
            raise CacheUnavailable(f"no connection: {self._backoff.reason}")
        address = await find_address(self._settings.host)
        try:
            self._streams = await asyncio.open_connection(address, self._settings.port)
            await self._introduce(*self._streams)
        except BaseException as error:
            self._hang_up()
            log.warning("cache is not available", reason=str(error) or "no answer in time")
            raise
        self._backoff.succeeded()
        return self._streams

    async def _introduce(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._settings.password:
            await _expect_ok(reader, writer, command("AUTH", self._settings.password))
        if self._settings.database:
            await _expect_ok(reader, writer, command("SELECT", self._settings.database))

    def _hang_up(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Reply:
    writer.write(request)
    await writer.drain()
    replies = Replies()
    while True:
        data = await reader.read(65536)
        if not data:
            raise ConnectionResetError("the cache hung up")
        for reply in replies.feed(data):
            return reply


async def _expect_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    reply = await _exchange(reader, writer, request)
    if isinstance(reply, Failure):
        raise ConnectionRefusedError(reply)
