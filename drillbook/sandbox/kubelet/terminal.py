"""Our end of a terminal at which a container's program sits."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Mapping

from drillbook.sandbox.kubelet import process
from drillbook.sandbox.kubelet.process import Launch, Process


class Terminal:
    """Reads what the program shows, until the program ends or the last one that has the other end open."""

    def __init__(self, descriptor: int, on_output: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        self._descriptor: int | None = descriptor
        self._on_output, self._on_end = on_output, on_end
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._readable)

    def write(self, data: bytes) -> None:
        """What somebody types; lost when the terminal is closed."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, data)

    def end_input(self) -> None:
        """The end-of-file character."""
        self.write(b"\x04")

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program how large the terminal is."""
        if self._descriptor is not None:
            fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def finish(self) -> None:
        """Hand on what is still there, and close."""
        self._readable()
        self._close()

    def _readable(self) -> None:
        """Read what is there; the other end closed shows as an error."""
        while self._descriptor is not None:
            try:
                data = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._close()
                return
            self._on_output(data)

    def _close(self) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
            self._on_end()


async def start_at_terminal(
    launch: Launch, env: Mapping[str, str], on_output: Callable[[bytes], None], on_end: Callable[[], None]
) -> tuple[Process, Terminal]:
    """Start a program at a new terminal. Raises StartError when it can't be started."""
    ours, theirs = os.openpty()
    try:
        running = await process.start(launch, {**env, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    terminal = Terminal(ours, on_output, on_end)
    running.closed.add_done_callback(lambda _: terminal.finish())
    return running, terminal
