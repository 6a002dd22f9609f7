"""A command beside a container's program, with pipes or with a terminal."""

from __future__ import annotations

import asyncio

from drillbook.sandbox.kubelet import process
from drillbook.sandbox.kubelet.container import Container
from drillbook.sandbox.kubelet.process import STDOUT, Process
from drillbook.sandbox.kubelet.terminal import Terminal, start_at_terminal


class RunningCommand:
    """Implements ExecSession."""

    def __init__(self) -> None:
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()
        self._process: Process | None = None
        self._terminal: Terminal | None = None

    def heard(self, stream: int, data: bytes) -> None:
        """Output of the command."""
        (self.stdout if stream == STDOUT else self.stderr).feed_data(data)

    def ended(self) -> None:
        """No more output comes."""
        self.stdout.feed_eof()
        self.stderr.feed_eof()

    def begun(self, running: Process, terminal: Terminal | None = None) -> None:
        """The command runs, at a terminal or not."""
        self._process, self._terminal = running, terminal
        if terminal is None:
            running.closed.add_done_callback(lambda _: self.ended())

    async def write(self, data: bytes) -> None:
        """To the command's standard input; lost when it has ended."""
        if self._terminal is not None:
            self._terminal.write(data)
        elif self._process is not None and (pipe := self._process.stdin()) is not None and not pipe.is_closing():
            pipe.write(data)

    async def close_stdin(self) -> None:
        """End of input: a terminal gets the end-of-file character."""
        if self._terminal is not None:
            self._terminal.end_input()
        elif self._process is not None and (pipe := self._process.stdin()) is not None:
            pipe.close()

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size."""
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

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


async def start_command(container: Container, command: list[str], *, stdin: bool, tty: bool) -> RunningCommand:
    """Start a command in a running container. Raises StartError when it can't be started."""
    session = RunningCommand()
    if tty:
        launch = container.beside(command, terminal=True)
        at_terminal = await start_at_terminal(launch, container.env, session.stdout.feed_data, session.ended)
        container.commands.append(at_terminal[0])
        session.begun(*at_terminal)
        return session
    pipe = asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL
    started = await process.start(container.beside(command), container.env, session.heard, stdin=pipe)
    container.commands.append(started)
    session.begun(started)
    return session
