"""The unix socket through which a sandbox sets the switches: one line of JSON in, one line out.

A line is the whole state, so that whatever it doesn't name is off. Without $DRILLBOOK_CONTROL there is no socket.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from drillbook.errors import ConfigError
from drillbook.sandbox.refapp import log
from drillbook.sandbox.refapp.database import DatabaseUnavailable
from drillbook.sandbox.refapp.misbehaviour import Misbehaviour
from drillbook.sandbox.refapp.switches import Switches


async def listen(path: str, misbehaviour: Misbehaviour) -> asyncio.Server:
    """Take switches at ``path``; a socket left there by a predecessor is replaced."""
    await asyncio.to_thread(Path(path).unlink, missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await _set(line, misbehaviour)).encode() + b"\n")
                await writer.drain()
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, path)


async def _set(line: bytes, misbehaviour: Misbehaviour) -> dict[str, object]:
    try:
        given = json.loads(line)
        if not isinstance(given, dict):
            return {"error": f"expected a JSON object of switches, found {type(given).__name__}"}
        await misbehaviour.apply(Switches.of(given))
    except (ValueError, ConfigError, DatabaseUnavailable) as error:
        return {"error": str(error)}
    switches = asdict(misbehaviour.switches)
    log.warning("switches were set", **switches)
    return {"switches": switches}
