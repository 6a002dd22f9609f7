"""A container's own streams, and those who joined them: ``kubectl attach`` and ``kubectl run -it``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.kubelet import process
from drillbook.sandbox.kubelet.logs import LogFile
from drillbook.sandbox.kubelet.process import STDOUT, Launch, Process
from drillbook.sandbox.kubelet.terminal import Terminal, start_at_terminal

MOST_KEPT: Final = 64 * 1024
"""Bytes said before the first one joined that are shown to them."""


class Streams:
    """What goes into one run of a container and what comes out; output is logged, whoever listens."""

    def __init__(self, spec: Object, log: LogFile) -> None:
        self._stdin, self._tty = bool(spec.get("stdin")), bool(spec.get("tty"))
        self.once = bool(spec.get("stdinOnce"))
        """Whether input ends when the first one who joined has no more."""
        self._log = log
        self._joined: list[Attached] = []
        # A pod that is started for one session: what it says before kubectl has joined belongs to that session.
        self._before: list[tuple[int, bytes]] | None = [] if self.once else None
        self.process: Process | None = None
        self.terminal: Terminal | None = None

    async def start(self, launch: Launch, env: Mapping[str, str]) -> Process:
        """Start the program with the streams that the container asks for. Raises StartError."""
        if self._tty:
            said = self._heard_at_terminal
            self.process, self.terminal = await start_at_terminal(replace(launch, terminal=True), env, said, self._end)
            return self.process
        pipe = asyncio.subprocess.PIPE if self._stdin else asyncio.subprocess.DEVNULL
        self.process = await process.start(launch, env, self._heard, stdin=pipe)
        self.process.closed.add_done_callback(lambda _: self._end())
        return self.process

    def join(self) -> Attached:
        """From now on, hear what the program says and speak to it."""
        attached = Attached(self)
        for stream, data in self._before or ():
            attached.heard(stream, data)
        self._before = None
        self._joined.append(attached)
        return attached

    def leave(self, attached: Attached) -> None:
        """Hear no more of it."""
        if attached in self._joined:
            self._joined.remove(attached)

    def write(self, data: bytes) -> None:
        """To the program's standard input; lost where it has none."""
        if self.terminal is not None:
            self.terminal.write(data)
        elif self.process is not None and (pipe := self.process.stdin()) is not None and not pipe.is_closing():
            pipe.write(data)

    def end_input(self) -> None:
        """No more input comes."""
        if self.terminal is not None:
            self.terminal.end_input()
        elif self.process is not None and (pipe := self.process.stdin()) is not None:
            pipe.close()

    def _heard_at_terminal(self, data: bytes) -> None:
        self._heard(STDOUT, data)

    def _heard(self, stream: int, data: bytes) -> None:
        self._log.write(stream, data)
        if self._before is not None and sum(len(said) for _, said in self._before) < MOST_KEPT:
            self._before.append((stream, data))
        for attached in self._joined:
            attached.heard(stream, data)

    def _end(self) -> None:
        for attached in self._joined:
            attached.ended()


class Attached:
    """Implements ExecSession for the container's own program."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()

    def heard(self, stream: int, data: bytes) -> None:
        """Output of the program."""
        (self.stdout if stream == STDOUT else self.stderr).feed_data(data)

    def ended(self) -> None:
        """No more output comes."""
        self.stdout.feed_eof()
        self.stderr.feed_eof()

    async def write(self, data: bytes) -> None:
        """To the program's standard input."""
        self._streams.write(data)

    async def close_stdin(self) -> None:
        """The one who joined has no more to say; the container decides whether that ends its input."""
        if self._streams.once:
            self._streams.end_input()

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size."""
        if self._streams.terminal is not None:
            self._streams.terminal.resize(columns, rows)

    async def wait(self) -> int:
        """0 once the program has ended: as with a kubelet, how it ended is told by the pod's status alone."""
        if self._streams.process is not None:
            await asyncio.shield(self._streams.process.exited)
        return 0

    async def kill(self) -> None:
        """Leave; the program goes on."""
        self._streams.leave(self)
        self.ended()
