"""One process of a container: started through the launcher, its output handed on, its end awaited."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, cast

from drillbook.sandbox.kubelet import processes

LAUNCHER: Final = str(Path(__file__).with_name("launcher.py"))
STDOUT, STDERR = 1, 2

known: Final[set[int]] = set()
"""Children that somebody waits for. Any other child of the daemon is an orphan that it inherited, or is being born."""

births: Final[set[object]] = set()
"""Starts on their way: while there is one, a child that nobody knows may be ours all the same."""


class StartError(Exception):
    """The program could not be started; the message is the runtime's."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of the host, shown at a path of the container."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that the launcher is told."""

    argv: Sequence[str]
    folder: str
    isolated: bool
    uid: int
    gid: int
    hostname: str
    staging: Path
    binds: Sequence[Bind] = ()
    scratch: bool = False
    """Whether /tmp and /dev/shm are empty ones of its own."""
    keep: Sequence[str] = ()
    """Folders that stay where they are even when that is below /tmp."""
    become: tuple[int, int] | None = None
    join: int = 0
    """Process id of a container's program whose name spaces to enter, 0 for new ones."""
    terminal: bool = False

    def text(self, status: int) -> str:
        """As the launcher reads it."""
        told = asdict(self) | {"status": status, "parent": os.getpid(), "staging": str(self.staging)}
        told["binds"] = [(str(bind.source), bind.target, bind.read_only) for bind in self.binds]
        return json.dumps(told)


@dataclass
class Process(asyncio.SubprocessProtocol):
    """A running process. ``exited`` becomes its exit code, 128 + n when signal n ended it."""

    on_output: Callable[[int, bytes], None] | None
    exited: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    closed: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done when it has ended and all its output was handed on."""
    pid: int = 0
    transport: asyncio.SubprocessTransport | None = None
    outputs: int = 0
    """Of its outputs, how many may still bring something."""
    ended: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self.transport.get_pid() or 0
        known.add(self.pid)

    def said(self, stream: int, data: bytes) -> None:
        """Output of the program."""
        if self.on_output:
            self.on_output(stream, data)

    def output_ended(self) -> None:
        """One of its outputs is closed."""
        self.outputs -= 1
        self._close_when_all_is_over()

    def process_exited(self) -> None:
        code = self.transport.get_returncode() if self.transport else None
        known.discard(self.pid)
        if not self.exited.done():
            code = 137 if code is None else code
            self.exited.set_result(128 - code if code < 0 else code)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._close_when_all_is_over()

    def _close_when_all_is_over(self) -> None:
        if self.ended and not self.outputs and not self.closed.done():
            self.closed.set_result(None)

    @property
    def running(self) -> bool:
        return not self.exited.done()

    def signal(self, number: signal.Signals) -> None:
        """To the program alone, as a container runtime does."""
        if self.running:
            processes.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the program and everything that it started."""
        if self.running:
            processes.kill_tree(self.pid)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def stdin(self) -> asyncio.WriteTransport | None:
        """Its standard input, where one was asked for."""
        return cast("asyncio.WriteTransport | None", self.transport.get_pipe_transport(0)) if self.transport else None


@dataclass
class _Output(asyncio.Protocol):
    """An output of a program, as a pipe: uvloop would make it a socket, and then nobody could open /dev/stdout."""

    process: Process
    stream: int

    def data_received(self, data: bytes) -> None:
        self.process.said(self.stream, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.process.output_ended()


async def start(
    launch: Launch,
    env: Mapping[str, str],
    on_output: Callable[[int, bytes], None] | None = None,
    *,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.PIPE,
    stderr: int = asyncio.subprocess.PIPE,
) -> Process:
    """Start a program and return once it runs. Raises StartError when it can't be started."""
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    pipes = {n: os.pipe() for n, to in ((STDOUT, stdout), (STDERR, stderr)) if to == asyncio.subprocess.PIPE}
    birth = object()
    births.add(birth)
    try:
        _, process = await loop.subprocess_exec(
            lambda: Process(on_output, outputs=len(pipes)),
            sys.executable,
            "-I",
            "-S",
            LAUNCHER,
            launch.text(writer),
            stdin=stdin,
            stdout=pipes[STDOUT][1] if STDOUT in pipes else stdout,
            stderr=pipes[STDERR][1] if STDERR in pipes else stderr,
            env=dict(env),
            start_new_session=True,
            pass_fds=(writer,),
        )
    except OSError as error:
        for descriptor in (reader, *(ours for ours, _ in pipes.values())):
            os.close(descriptor)
        raise StartError(f"{sys.executable}: {error.strerror}") from error
    finally:
        births.discard(birth)
        for descriptor in (writer, *(its for _, its in pipes.values())):
            os.close(descriptor)
    try:
        for stream, (ours, _) in pipes.items():
            # The pipe is read until it ends: the transport keeps the protocol, and the protocol the process.
            await loop.connect_read_pipe(lambda n=stream: _Output(process, n), os.fdopen(ours, "rb", 0))  # type: ignore[misc]
        said = await _read_to_end(loop, reader)
    except BaseException:  # whoever wanted it does so no more
        process.kill()
        raise
    if said:
        await process.exited
        raise StartError(said.decode(errors="replace"))
    return process


async def _read_to_end(loop: asyncio.AbstractEventLoop, descriptor: int) -> bytes:
    """Everything that comes through a pipe until its other end is closed; closes this end."""
    done: asyncio.Future[bytes] = loop.create_future()
    said = bytearray()

    def readable() -> None:
        chunk = os.read(descriptor, 4096)
        said.extend(chunk)
        if not chunk and not done.done():
            done.set_result(bytes(said))

    loop.add_reader(descriptor, readable)
    try:
        return await done
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
