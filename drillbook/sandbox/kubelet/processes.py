"""Processes as /proc tells of them: who descends from whom, who carries a mark, and what they use."""

# read many times a second, and pathlib doubles what that costs
# ruff: noqa: PTH115, PTH208

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_CAN_LIST_CHILDREN: Final = Path(f"/proc/self/task/{os.getpid()}/children").exists()


def children_of(pid: int) -> list[int]:
    """The children of a process; none when it is gone."""
    if not _CAN_LIST_CHILDREN:
        return [child for child, parent in _parents().items() if parent == pid]
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(child) for child in _read(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:  # it ended while we looked
        pass
    return found


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        found += children_of(one)
    return found


def kill_tree(pid: int) -> None:
    """SIGKILL to a process, its group and every descendant, also those in groups of their own."""
    everyone = tree(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for one in everyone:
        kill(one)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def variable(pid: int, name: str) -> str | None:
    """A variable of the environment that the process was started with; None without it."""
    try:
        pairs = (pair.partition(b"=") for pair in _read(f"/proc/{pid}/environ").split(b"\0"))
    except OSError:  # gone, or another user's
        return None
    return next((value.decode(errors="replace") for key, _, value in pairs if key == name.encode()), None)


def space(pid: int) -> str | None:
    """The mount name space of a process; None when it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None


def marked(*marks: bytes) -> Iterator[int]:
    """All processes of this machine with a variable that begins like one of ``marks``, but not the one that asks."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            environ = b"\0" + _read(f"/proc/{name}/environ")
        except OSError:  # gone, or another user's
            continue
        if any(b"\0" + mark in environ for mark in marks) and is_running(int(name)):
            yield int(name)


def started_at(pid: int) -> int | None:
    """When the process started, in clock ticks since boot: with its id, a name that is never given again."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def is_running(pid: int, started: int | None = None) -> bool:
    """Whether that very process runs; a zombie doesn't."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in b"ZX" and started in {None, int(fields[19])}


@dataclass(frozen=True, slots=True)
class Use:
    """What a process and its descendants have used."""

    cpu_seconds: float
    memory_bytes: int


def use_of(pids: list[int]) -> Use:
    """CPU time so far, and memory as a cgroup would count it: private pages of each, shared ones once."""
    ticks = private = shared = 0
    for pid in pids:
        fields = _stat(pid)
        if fields is None:
            continue
        ticks += sum(int(fields[i]) for i in (11, 12, 13, 14))  # own and reaped children's
        try:
            resident, mapped = (int(value) for value in _read(f"/proc/{pid}/statm").split()[1:3])
        except OSError:  # it ended while we looked
            continue
        private += resident - mapped
        shared = max(shared, mapped)
    return Use(ticks / _TICKS, (private + shared) * os.sysconf("SC_PAGE_SIZE"))


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the state on; the name before may hold blanks and parentheses."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    except OSError:
        return None


def _read(path: str) -> bytes:
    """The whole of a file of /proc: less than half the system calls of ``open``, many times a second."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, 65_536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _parents() -> dict[int, int]:
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            found[int(name)] = int(fields[1])
    return found
