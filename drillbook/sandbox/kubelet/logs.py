"""A container's output on disk, one line each as container runtimes write it: time, stream, tag, text.

The tag is ``F`` for a full line and ``P`` for a part of one, whose end was never said or comes in the next.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from drillbook.sandbox.cluster import log

BIGGEST_FILE: Final = 10 * 1024 * 1024
"""Then the file is moved aside and a new one begins, as a kubelet does by default."""

LONGEST_LINE: Final = 16 * 1024
"""A longer one is cut into pieces."""

FULL, PART = b"F", b"P"

_STREAMS: Final = {1: b"stdout", 2: b"stderr"}


class LogFile:
    """What one run of a container said."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ended = False
        self._losing = False
        self._file = path.open("ab", buffering=0)
        self._rest = {1: b"", 2: b""}
        self._waiting: set[asyncio.Future[None]] = set()

    def write(self, stream: int, data: bytes) -> None:
        """Add output; whole lines are written at once, a piece of one waits for its end."""
        *lines, rest = (self._rest[stream] + data).split(b"\n")
        self._append(stream, lines, FULL)
        while len(rest) > LONGEST_LINE:
            self._append(stream, [rest[:LONGEST_LINE]], PART)
            rest = rest[LONGEST_LINE:]
        self._rest[stream] = rest

    def end(self) -> None:
        """The run is over: write what still waits, and let followers finish."""
        if self.ended:
            return
        for stream, rest in self._rest.items():
            if rest:
                self._append(stream, [rest], PART)
        self.ended = True
        self._file.close()
        self._wake()

    def discard(self) -> None:
        """Nobody can ask for this run any more: as a kubelet, keep the present run and the one before."""
        self.end()
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".old").unlink(missing_ok=True)

    def last_lines(self, count: int) -> list[str]:
        """The last lines said, without their times."""
        lines = self._existing_lines()[-count:]
        return [line.split(b" ", 3)[3].decode(errors="replace") for line in lines]

    async def read(
        self, *, follow: bool, tail: int | None, since: datetime | None, timestamps: bool, limit_bytes: int | None
    ) -> AsyncIterator[bytes]:
        """The output in chunks, lines each with its end; with ``follow``, further ones until the run is over."""
        left = limit_bytes
        position = self.path.stat().st_size
        chunk = _select(self._existing_lines(position), tail, since, timestamps)
        while True:
            if left is not None:
                chunk, left = chunk[:left], left - len(chunk[:left])
            if chunk:
                yield chunk
            if not follow or left == 0:
                return
            while (size := self.path.stat().st_size) == position and not self.ended:
                await self._news()
            if size == position:
                return
            position = 0 if size < position else position
            lines, position = self._lines_from(position)
            chunk = _select(lines, None, since, timestamps)

    def _append(self, stream: int, lines: list[bytes], tag: bytes) -> None:
        if not lines or self.ended:
            return
        if self._file.tell() > BIGGEST_FILE:
            self._rotate()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
        head = now + b" " + _STREAMS[stream] + b" " + tag + b" "
        self._write(b"".join(head + line + b"\n" for line in lines))
        self._wake()

    def _rotate(self) -> None:
        """Begin a new file, unless the disk has no room for one: then the old one goes on."""
        try:
            fresh = self.path.with_suffix(".new").open("ab", buffering=0)
        except OSError as error:
            self._lost(error)
            return
        self._file.close()
        self.path.replace(self.path.with_suffix(".old"))
        self.path.with_suffix(".new").replace(self.path)
        self._file = fresh

    def _write(self, data: bytes) -> None:
        """All of it or none: on a full disk output is lost, as in a cluster, and the program goes on."""
        before = self._file.tell()
        try:
            if self._file.write(data) != len(data):
                self._file.truncate(before)
                self._file.seek(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._lost(error)
        else:
            self._losing = False

    def _lost(self, error: OSError) -> None:
        """Said once for each time that the disk is full."""
        if not self._losing:
            log.warning("output of a container is lost, because %s can't be written: %s", self.path, error.strerror)
        self._losing = True

    def _existing_lines(self, size: int | None = None) -> list[bytes]:
        with self.path.open("rb") as file:
            return file.read(-1 if size is None else size).split(b"\n")[:-1]

    def _lines_from(self, position: int) -> tuple[list[bytes], int]:
        with self.path.open("rb") as file:
            file.seek(position)
            text = file.read()
        return text.split(b"\n")[:-1], position + len(text)

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def _news(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)


def _select(lines: list[bytes], tail: int | None, since: datetime | None, timestamps: bool) -> bytes:
    chosen: deque[bytes] = deque(maxlen=tail)
    for line in lines:
        time, _, tag, text = line.split(b" ", 3)
        if since is not None and datetime.fromisoformat(time[:26].decode() + "+00:00") < since:
            continue
        chosen.append((time + b" " + text if timestamps else text) + (b"\n" if tag == FULL else b""))
    return b"".join(chosen)
