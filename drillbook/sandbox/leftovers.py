"""What programs leave in the kernel when they are killed, found through what they wrote into the sandbox's state."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_IPC_RMID: Final = 0
_WHERE: Final = ("volumes/*/postmaster.pid", "volumes/*/*/postmaster.pid", "pods/*/*/*/**/postmaster.pid")
_SEGMENT_LINE: Final = 6

type Segment = tuple[int, int]
"""Key and id of a System V shared memory segment."""


def remove_shared_memory(state: Path) -> None:
    """Remove the segments of PostgreSQL servers that were killed: their lock files name them.

    For sandboxes whose containers share the host's IPC space, after their programs have ended; elsewhere the segments
    have ended with their space, and the numbers in the lock files mean nothing out here.
    """
    unused = set(_unused_segments())
    libc = ctypes.CDLL(None)
    for pattern in _WHERE:
        for lock in state.glob(pattern):
            segment = _segment_in(lock)
            if segment in unused:
                libc.shmctl(segment[1], _IPC_RMID, None)


def _segment_in(lock: Path) -> Segment:
    """The segment that a lock file names; (0, 0), which no segment is, for one that names none yet."""
    try:
        key, identifier = lock.read_text(encoding="ascii", errors="replace").splitlines()[_SEGMENT_LINE].split()
        return int(key), int(identifier)
    except (OSError, IndexError, ValueError):
        return 0, 0


def _unused_segments() -> Iterator[Segment]:
    """The segments of this machine that no process is attached to."""
    try:
        lines = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    except OSError:  # a kernel without System V IPC
        return
    for line in lines:
        fields = line.split()
        if fields[6] == "0":
            yield int(fields[0]), int(fields[1])
