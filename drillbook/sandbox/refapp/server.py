"""A small HTTP/1.1 server on asyncio's streams: keep-alive, both kinds of bodies, a graceful end."""

from __future__ import annotations

import asyncio
from typing import Final

from drillbook.sandbox.refapp.http import Handler, HttpError, Request, Response, answer, parse_head

MOST_HEAD_BYTES: Final = 32 * 1024
MOST_BODY_BYTES: Final = 1024 * 1024
IDLE_SECONDS: Final = 75.0
BODY_SECONDS: Final = 30.0


class Server:
    """Accepts connections and has ``handler`` answer their requests."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listeners: list[asyncio.Server] = []
        self._idle: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self.closing = False
        """Once true, every answer ends its connection."""

    async def listen(self, address: str, port: int) -> None:
        """Begin to accept, also on one more port. OSError where the port is taken."""
        self._listeners.append(
            await asyncio.start_server(self._accept, address, port, limit=MOST_HEAD_BYTES, backlog=512)
        )

    async def finish(self, seconds: float) -> None:
        """Accept no more, close what is idle, and let what is under way end, for ``seconds`` at most."""
        self.closing = True
        for listener in self._listeners:
            listener.close()
        for writer in list(self._idle):
            writer.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=seconds)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            # The client went away, in the middle of something or after a while of silence: nobody to tell.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another one may follow on the connection."""
        self._idle.add(writer)
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _send(writer, answer(431, {"error": f"expected {MOST_HEAD_BYTES} bytes of headers or fewer"}))
            return False
        finally:
            self._idle.discard(writer)
        try:
            request = parse_head(head[:-4])
            async with asyncio.timeout(BODY_SECONDS):
                request.body = await _body(request, reader, writer)
        except HttpError as error:
            # After a request that can't be read, nobody knows where the next one begins.
            await _send(writer, answer(error.status, {"error": error.sentence}))
            return False
        response = await self._handler(request)
        stay = request.keep_alive and not self.closing
        await _send(writer, response, with_body=request.method != "HEAD", close=not stay)
        return stay


async def _send(
    writer: asyncio.StreamWriter, response: Response, *, with_body: bool = True, close: bool = True
) -> None:
    writer.write(response.encode(with_body=with_body, close=close))
    await writer.drain()


async def _body(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "transfer-encoding" in request.headers:
        if request.headers["transfer-encoding"].lower() != "chunked" or "content-length" in request.headers:
            raise HttpError(400, "expected either Content-Length or Transfer-Encoding: chunked")
        return await _chunks(reader)
    text = request.headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit():
        raise HttpError(400, "Content-Length: expected a whole number")
    return await reader.readexactly(_small_enough(int(text)))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        try:
            size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise HttpError(400, "a chunk: expected its size in hexadecimal") from error
        if size <= 0:
            break
        _small_enough(len(body) + size)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise HttpError(400, "a chunk: expected it to end where its size says")
    while await reader.readuntil(b"\r\n") != b"\r\n":
        # Trailers are read and left alone.
        pass
    return body


def _small_enough(size: int) -> int:
    if size > MOST_BODY_BYTES:
        raise HttpError(413, f"the body: expected {MOST_BODY_BYTES} bytes or fewer, found {size}")
    return size
