"""A command beside a container's program, with pipes or with a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios

from drillbook.sandbox.kubelet import process
from drillbook.sandbox.kubelet.container import Container
from drillbook.sandbox.kubelet.process import STDOUT, Process


class RunningCommand:
    """Implements ExecSession."""

    def __init__(self, *, stdin: bool) -> None:
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()
        self._stdin = stdin
        self._process: Process | None = None
        self._terminal: int | None = None

    def heard(self, stream: int, data: bytes) -> None:
        """Output of the command."""
        (self.stdout if stream == STDOUT else self.stderr).feed_data(data)

    def begun(self, running: Process, terminal: int | None = None) -> None:
        """The command runs; ``terminal`` is our end of its terminal."""
        self._process, self._terminal = running, terminal
        running.closed.add_done_callback(self._closed)
        if terminal is not None:
            self.stderr.feed_eof()
            os.set_blocking(terminal, False)
            asyncio.get_running_loop().add_reader(terminal, self._terminal_readable)

    async def write(self, data: bytes) -> None:
        """To the command's standard input; lost when it has ended."""
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                os.write(self._terminal, data)
        elif self._process is not None and (pipe := self._process.stdin()) is not None and not pipe.is_closing():
            pipe.write(data)

    async def close_stdin(self) -> None:
        """End of input: a terminal gets the end-of-file character."""
        if self._terminal is not None:
            await self.write(b"\x04")
        elif self._process is not None and (pipe := self._process.stdin()) is not None:
            pipe.close()

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size."""
        if self._terminal is not None:
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        """The exit code; 128 + n when signal n ended the command."""
        if self._process is None:
            return 137
        return await asyncio.shield(self._process.exited)

    async def kill(self) -> None:
        """End the command and what it started."""
        if self._process is not None and self._process.running:
            self._process.kill()
            await asyncio.shield(self._process.exited)

    def _closed(self, _: object) -> None:
        if self._terminal is not None:
            self._terminal_readable()
            self._close_terminal()
            return
        self.stdout.feed_eof()
        self.stderr.feed_eof()

    def _terminal_readable(self) -> None:
        """Read what is there; the other end closed shows as an error."""
        while self._terminal is not None:
            try:
                data = os.read(self._terminal, 65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._close_terminal()
                return
            self.stdout.feed_data(data)

    def _close_terminal(self) -> None:
        if self._terminal is not None:
            asyncio.get_running_loop().remove_reader(self._terminal)
            os.close(self._terminal)
            self._terminal = None
            self.stdout.feed_eof()


async def start_command(container: Container, command: list[str], *, stdin: bool, tty: bool) -> RunningCommand:
    """Start a command in a running container. Raises StartError when it can't be started."""
    session = RunningCommand(stdin=stdin)
    env = container.env
    if not tty:
        pipe = asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL
        session.begun(await process.start(container.beside(command), env, session.heard, stdin=pipe))
        return session
    ours, theirs = os.openpty()
    try:
        launch = container.beside(command, terminal=True)
        env = env | {"TERM": "xterm"}
        running = await process.start(launch, env, stdin=theirs, stdout=theirs, stderr=theirs)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    session.begun(running, ours)
    return session
