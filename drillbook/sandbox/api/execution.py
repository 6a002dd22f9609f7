"""pods/exec over WebSocket: channels in binary frames, the exit code as a Status on channel 3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from aiohttp import WSMsgType, web

from drillbook.sandbox.agent import Attaches, ExecSession
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.containers import chosen_container, is_running
from drillbook.sandbox.kinds import POD, Object
from drillbook.sandbox.status import ApiError, bad_request
from drillbook.sandbox.store import dump

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _STATUS, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_CHUNK: Final = 32 * 1024
_CLOSE_WAIT: Final = 10.0


async def attach(call: Call) -> web.StreamResponse:
    """Join the streams of a container's own process. ApiError 400 or 404 before the upgrade."""
    agent = call.server.agent
    if not isinstance(agent, Attaches):
        raise bad_request("attach is not served here; kubectl logs -f shows what the container says")
    return await _join(call, lambda pod, container, stdin, tty: agent.attach(pod, container, stdin=stdin, tty=tty))


async def run(call: Call) -> web.StreamResponse:
    """Run a command in a container. ApiError 400 or 404 before the upgrade."""
    command = call.request.query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least 1 command for the container")
    agent = call.server.agent
    return await _join(call, lambda pod, name, stdin, tty: agent.exec(pod, name, command, stdin=stdin, tty=tty))


async def _join(call: Call, begin: Callable[[Object, str, bool, bool], Awaitable[ExecSession]]) -> web.StreamResponse:
    """Upgrade, begin a session, and carry its streams."""
    pod = call.store.need(POD, call.namespace, call.name)
    if not any(call.flag(stream) for stream in ("stdin", "stdout", "stderr")):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    container = chosen_container(pod, call.option("container"))
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {call.name} does not have a host assigned")
    if not is_running(pod, container):
        raise ApiError(500, "InternalError", f'container not found ("{container}")')
    socket = upgrade(call, PROTOCOLS)
    await socket.prepare(call.request)
    tty = call.flag("tty")
    try:
        session = await begin(pod, container, call.flag("stdin"), tty)
    except (OSError, ApiError) as error:
        sentence = f"Internal error occurred: error executing command in container: {error}"
        await _finish(socket, _failure(sentence))
        return socket
    await _serve(call, socket, session, tty=tty)
    return socket


def upgrade(call: Call, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """A WebSocket with one of those protocols. ApiError 400 when the client doesn't ask for one."""
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request(f"unable to upgrade: expected a WebSocket with one of the protocols {', '.join(protocols)}")
    asked = [p.strip() for p in call.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    chosen = tuple(protocol for protocol in protocols if protocol in asked)
    if not chosen:
        raise ApiError(
            403, "Forbidden", f"unable to upgrade: none of {asked} is served; expected {', '.join(protocols)}"
        )
    # The close is sent by hand, after the last frame; a client that never answers it must not hold the server up.
    return web.WebSocketResponse(protocols=chosen[:1], timeout=_CLOSE_WAIT, max_msg_size=0, compress=False)


async def _serve(call: Call, socket: web.WebSocketResponse, session: ExecSession, *, tty: bool) -> None:
    """Pump until the command ends or the client leaves; a command whose client left is killed."""
    outputs: list[Coroutine[Any, Any, None]] = []
    if call.flag("stdout"):
        outputs.append(_pump(socket, session.stdout, _STDOUT))
    else:
        outputs.append(_drain(session.stdout))
    if call.flag("stderr") and not tty:
        outputs.append(_pump(socket, session.stderr, _STDERR))
    else:
        outputs.append(_drain(session.stderr))
    reader = asyncio.create_task(_read(socket, session))
    ending = asyncio.create_task(_ending(session, outputs))
    try:
        await asyncio.wait({reader, ending}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            await _finish(socket, _status(ending.result()))
    finally:
        reader.cancel()
        if not ending.done():
            await session.kill()
            ending.cancel()


async def _ending(session: ExecSession, outputs: list[Coroutine[Any, Any, None]]) -> int:
    await asyncio.gather(*outputs)
    return await session.wait()


async def _pump(socket: web.WebSocketResponse, stream: asyncio.StreamReader, channel: int) -> None:
    mark = bytes([channel])
    while data := await stream.read(_CHUNK):
        await socket.send_bytes(mark + data)


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass


async def _read(socket: web.WebSocketResponse, session: ExecSession) -> None:
    """What the client sends, until it closes."""
    async for message in socket:
        if message.type not in {WSMsgType.BINARY, WSMsgType.TEXT}:
            return
        data = message.data if isinstance(message.data, bytes) else message.data.encode()
        channel, payload = data[:1], data[1:]
        if channel == bytes([_STDIN]):
            await session.write(payload)
        elif channel == bytes([_CLOSE]) and payload == bytes([_STDIN]):
            await session.close_stdin()
        elif channel == bytes([_RESIZE]):
            _resize(session, payload)


def _resize(session: ExecSession, payload: bytes) -> None:
    try:
        size = json.loads(payload)
        session.resize(int(size["Width"]), int(size["Height"]))
    except (ValueError, KeyError, TypeError):
        return  # a size that can't be read changes nothing


async def _finish(socket: web.WebSocketResponse, status: Object) -> None:
    if not socket.closed:
        await socket.send_bytes(bytes([_STATUS]) + dump(status))
        await socket.close()


def _status(code: int) -> Object:
    """The Status of a command that ended."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _failure(sentence: str) -> Object:
    """The Status of a command that never ran."""
    return {"metadata": {}, "status": "Failure", "message": sentence, "reason": "InternalError", "code": 500}
