"""pods/portforward over WebSocket: in channels, as the Python client asks, or with SPDY inside, as kubectl does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import WSMsgType, web

from drillbook.sandbox.api import spdy
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.execution import upgrade
from drillbook.sandbox.kinds import POD
from drillbook.sandbox.status import bad_request
from drillbook.sandbox.stopped import check_kubelet

log: Final = logging.getLogger("drillbook.sandbox.api")

TUNNEL: Final = "SPDY/3.1+portforward.k8s.io"
CHANNELS: Final = "v4.channel.k8s.io"
_CHUNK: Final = 32 * 1024


async def run(call: Call) -> web.StreamResponse:
    """Carry connections to the pod's ports until the client leaves. ApiError 400 or 404 before the upgrade."""
    pod = call.store.need(POD, call.namespace, call.name)
    check_kubelet(call.store, pod["spec"].get("nodeName") or "")
    address = (pod.get("status") or {}).get("podIP")
    if not address or (pod.get("status") or {}).get("phase") != "Running":
        raise bad_request(f"pod {call.name} does not have a host assigned, or does not run: no port to forward to")
    try:
        ports = [int(port) for given in call.request.query.getall("ports", []) for port in given.split(",")]
    except ValueError:
        raise bad_request("ports: expected numbers between 1 and 65535") from None
    socket = upgrade(call, (TUNNEL, CHANNELS))
    await socket.prepare(call.request)
    if socket.ws_protocol == TUNNEL:
        await _Tunnel(socket, address).run()
    else:
        await _channels(socket, address, ports)
    return socket


class _Link:
    """One TCP connection to the pod: what comes from the client is queued, what comes from the pod is sent on."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()

    def give(self, data: bytes) -> None:
        """Bytes for the pod; none means that the client has no more."""
        self._outgoing.put_nowait(data)

    async def carry(self, send: Callable[[bytes], Awaitable[None]]) -> str:
        """Carry both ways until the pod closes; returns what went wrong, or nothing."""
        try:
            reader, writer = await asyncio.open_connection(self._address, self._port)
        except OSError as error:
            return f"failed to connect to {self._address}:{self._port} inside the pod: {error.strerror or error}"
        forth = asyncio.create_task(self._forth(writer))
        try:
            while data := await reader.read(_CHUNK):
                await send(data)
        except OSError as error:
            return f"the connection to {self._address}:{self._port} broke: {error.strerror or error}"
        finally:
            forth.cancel()
            writer.close()
        return ""

    async def _forth(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # the reading side tells
            while data := await self._outgoing.get():
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


class _Tunnel:
    """One WebSocket of kubectl: for each connection a SPDY stream for data and one for errors."""

    def __init__(self, socket: web.WebSocketResponse, address: str) -> None:
        self._socket = socket
        self._address = address
        self._decoder, self._encoder = spdy.Decoder(), spdy.Encoder()
        self._errors: dict[str, int] = {}
        self._links: dict[int, _Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the client closes."""
        try:
            async for message in self._socket:
                if message.type != WSMsgType.BINARY:
                    break
                for frame in self._decoder.feed(message.data):
                    await self._take(frame)
        except (ValueError, OSError) as error:
            log.info("port-forward ended: %s", error)
        finally:
            for task in self._tasks:
                task.cancel()
            await self._socket.close()

    async def _take(self, frame: spdy.Frame) -> None:
        match frame.type:
            case spdy.SYN_STREAM:
                await self._open(frame)
            case spdy.DATA:
                link = self._links.get(frame.stream)
                if link is not None:
                    if frame.data:
                        link.give(frame.data)
                    if frame.fin:
                        link.give(b"")
            case spdy.RST_STREAM:
                link = self._links.pop(frame.stream, None)
                if link is not None:
                    link.give(b"")
            case spdy.PING:
                await self._socket.send_bytes(self._encoder.ping(frame.stream))

    async def _open(self, frame: spdy.Frame) -> None:
        """An error stream comes first, its data stream second; they share a request id."""
        headers = frame.headers or {}
        await self._socket.send_bytes(self._encoder.reply(frame.stream))
        request = headers.get("requestid", "")
        if headers.get("streamtype") == "error":
            self._errors[request] = frame.stream
            return
        port = int(headers.get("port", "0"))
        link = self._links[frame.stream] = _Link(self._address, port)
        task = asyncio.create_task(self._carry(frame.stream, self._errors.pop(request, 0), link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, stream: int, error_stream: int, link: _Link) -> None:
        async def send(data: bytes) -> None:
            await self._socket.send_bytes(self._encoder.data(stream, data))

        with contextlib.suppress(ConnectionError):  # the client has gone; nobody is left to tell
            failure = await link.carry(send)
            if error_stream:
                text = f"an error occurred forwarding: {failure}".encode() if failure else b""
                await self._socket.send_bytes(self._encoder.data(error_stream, text, fin=True))
            await self._socket.send_bytes(self._encoder.data(stream, b"", fin=True))
        self._links.pop(stream, None)


async def _channels(socket: web.WebSocketResponse, address: str, ports: list[int]) -> None:
    """Two channels for each port, data and error; each begins with the port's number."""
    links = [_Link(address, port) for port in ports]
    for i, port in enumerate(ports):
        for channel in (2 * i, 2 * i + 1):
            await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))

    async def carry(i: int) -> None:
        async def send(data: bytes) -> None:
            await socket.send_bytes(bytes([2 * i]) + data)

        failure = await links[i].carry(send)
        if failure:
            await socket.send_bytes(bytes([2 * i + 1]) + failure.encode())

    async def carry_all() -> None:
        await asyncio.gather(*(carry(i) for i in range(len(links))))

    tasks = {asyncio.create_task(carry_all()), asyncio.create_task(_read_channels(socket, links))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await socket.close()


async def _read_channels(socket: web.WebSocketResponse, links: list[_Link]) -> None:
    async for message in socket:
        if message.type != WSMsgType.BINARY or not message.data:
            return
        channel = message.data[0]
        if channel % 2 == 0 and channel // 2 < len(links) and len(message.data) > 1:
            links[channel // 2].give(message.data[1:])
