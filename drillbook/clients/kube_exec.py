"""Running one command in a container, over a WebSocket and a client of its own.

The synchronous client's ``stream`` patches the client that it is given, for every thread that shares it; the one used
here is a class of its own, made for one command and closed after it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from drillbook.clients.kube import Kube, path_of, refusal
from drillbook.clients.kube_connection import translated
from drillbook.errors import Unreachable

_CHUNK: Final = 32 * 1024


class Execution(NamedTuple):
    """What became of a command."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(slots=True)
class _Output:
    stdout: bytearray
    stderr: bytearray
    status: bytearray


async def execute(
    kube: Kube,
    namespace: str,
    pod: str,
    container: str,
    command: list[str],
    *,
    stdin: bytes | None = None,
    timeout: float = 30.0,
) -> Execution:
    """Run ``command`` (no shell) and wait for its end, ``timeout`` seconds at most.

    ``stdin`` is neither in an URL nor in a list of processes. Its end can't be told over this protocol: the command
    must know how much to read (``head -c``).

    Raises ApiRefusal when the API server refuses, Unreachable when the connection breaks before the exit code is known.
    """
    import aiohttp
    from kubernetes.aio.stream import WsApiClient

    query = [("container", container)] if container else []
    query += [("command", word) for word in command] + [("stdout", "true"), ("stderr", "true")]
    query += [] if stdin is None else [("stdin", "true")]
    path = path_of("pods", namespace, pod, "exec")
    headers: dict[str, str] = {}
    new_client: Any = WsApiClient
    client = new_client(configuration=kube.client.configuration)
    output = _Output(bytearray(), bytearray(), bytearray())
    try:
        async with translated(kube.server, timeout):
            await client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
            url = f"{kube.server}{path}?{urlencode(query)}"
            opened = await client.call_api("GET", url, headers, _preload_content=False)
            async with opened.response as socket:
                for start in range(0, len(stdin or b""), _CHUNK):
                    await socket.send_bytes(b"\x00" + (stdin or b"")[start : start + _CHUNK])
                async for message in socket:
                    _sort(output, message.data)
    except Unreachable as error:
        if isinstance(error.__cause__, aiohttp.WSServerHandshakeError):
            said = error.__cause__
            raise refusal("GET", path, said.status, said.message.encode()) from said
        raise
    finally:
        await client.close()
    return Execution(
        _exit_code(output, pod), output.stdout.decode(errors="replace"), output.stderr.decode(errors="replace")
    )


def _sort(output: _Output, data: bytes) -> None:
    """The first byte of a message is its channel (protocol v4.channel.k8s.io)."""
    match data[0] if data else None:
        case 1:
            output.stdout += data[1:]
        case 2:
            output.stderr += data[1:]
        case 3:
            output.status += data[1:]
        case _:
            pass


def _exit_code(output: _Output, pod: str) -> int:
    """From the Status object that ends the stream."""
    if not output.status:
        raise Unreachable(f"the connection to pod {pod} ended before its command's exit code was known")
    status: dict[str, Any] = json.loads(bytes(output.status))
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise Unreachable(f"the command in pod {pod} could not be run: {status.get('message') or status}")
