"""Volumes that can be filled up to their size: file systems in memory, in a mount name space of the sandbox's own.

tmpfs, because it needs neither root nor a loop device, takes memory only for what is written, and ends with the last
process that sees it: the host's mounts never change, whatever kills the sandbox. Only volumes are mounted, so that
everything else below the state folder is the same from inside and outside.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drillbook.sandbox.kubelet import volumes
from drillbook.sandbox.kubelet.isolation import SWITCH

MS_NOSUID, MS_NODEV, MS_REC, MS_SLAVE, MNT_DETACH = 2, 4, 16384, 1 << 19, 2
SMALL: Final = 512 * 1024**2
"""Below this mke2fs makes an inode for each 4 KiB, from it on one for each 16 KiB; so do we."""

_LIMITED: Final = "volumes end at the size that they ask for"
_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass
class Disks:
    """Makes sized volumes, and takes them away; until ``enter`` has found a way they are plain folders."""

    enforced: bool = False
    reason: str = "nobody has asked for a mount name space"
    """Why volumes are plain folders, where they are."""
    _sizes: dict[Path, int] = field(default_factory=dict)
    """Bytes that each disk holds."""
    _problems: dict[Path, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For a person: what volumes are here."""
        if not self.enforced:
            return f"volumes are plain folders that don't end at their size ({self.reason})"
        too_large = self.beyond_memory(max(self._sizes, key=self._sizes.__getitem__)) if self._sizes else None
        return f"{_LIMITED}, but {too_large}" if too_large else _LIMITED

    def make(self, folder: Path, size: int) -> None:
        """Make a folder that holds ``size`` bytes and no more, if it isn't there yet; a plain one where that can't be.

        ``why_unlimited`` tells which it is.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if folder in self._sizes:
            return
        if not self.enforced:
            self._problems[folder] = self.reason
            return
        try:
            _mount_memory(folder, size)
        except OSError as error:
            self._problems[folder] = str(error)
        else:
            self._sizes[folder] = size

    def is_limited(self, folder: Path) -> bool:
        """Whether that folder ends at its size."""
        return folder in self._sizes

    def why_unlimited(self, folder: Path) -> str | None:
        """Why a folder that ``make`` made is a plain one; None when it isn't."""
        return self._problems.get(folder)

    def beyond_memory(self, folder: Path) -> str | None:
        """A sentence when this machine has less memory to give than a disk can hold."""
        size, available = self._sizes.get(folder, 0), _available_memory()
        if size <= available:
            return None
        return (
            f"it is in memory, and one that can hold {size / 1024**3:.1f} GiB can't be filled with the "
            f"{available / 1024**3:.1f} GiB that this machine has available"
        )

    def remove(self, folder: Path) -> None:
        """Take a folder away with all disks in it."""
        for disk in [disk for disk in self._sizes if disk.is_relative_to(folder)]:
            # Containers that started later have copies of the mount; removing the folder below takes those away.
            _check(_libc.umount2(os.fsencode(disk), MNT_DETACH), f"unmount {disk}")
            del self._sizes[disk]
        for disk in [disk for disk in self._problems if disk.is_relative_to(folder)]:
            del self._problems[disk]
        volumes.remove(folder)


def enter(trial: Path) -> Disks:
    """Put this process, and all that it will start, into a mount name space of its own, where the kernel allows it.

    Not for root alone: another user is given a user name space, in which it stays who it is. The IPC space comes along,
    for the containers that get none of their own. Call it before there are threads. ``trial`` is any folder.
    """
    if os.environ.get(SWITCH) == "none":
        return Disks(reason=f"{SWITCH}=none asks for it")
    problem = _try(trial)
    if problem is not None:
        return Disks(reason=f"this kernel doesn't let the sandbox mount any: {problem}")
    _enter_name_spaces()
    return Disks(enforced=True)


def _try(trial: Path) -> str | None:
    """What goes wrong, found out by a child: there is no way back from half the way."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _enter_name_spaces()
            _mount_memory(trial, 1)
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as answer:
        problem = answer.read()
    os.waitpid(child, 0)
    return problem or None


def _enter_name_spaces() -> None:
    spaces = os.CLONE_NEWNS | os.CLONE_NEWIPC
    if os.geteuid() == 0:
        os.unshare(spaces)
    else:
        uid, gid = os.geteuid(), os.getegid()
        os.unshare(spaces | os.CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            Path("/proc/self", name).write_text(text, encoding="ascii")
    _mount("none", Path("/"), "none", MS_REC | MS_SLAVE, "")


def _mount_memory(folder: Path, size: int) -> None:
    inodes = max(16, size // (4096 if size < SMALL else 16384))
    _mount("drillbook", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"size={max(size, 1)},nr_inodes={inodes},mode=755")


def _mount(source: str, target: Path, kind: str, flags: int, options: str) -> None:
    done = _libc.mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _check(done, f"mount {kind} on {target}")


def _check(result: int, doing: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{doing}: {os.strerror(code)}")


def _available_memory() -> int:
    """Bytes of memory and swap that can be had without hurting what runs."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return sum(int(fields[1]) * 1024 for fields in lines if fields[0] in {"MemAvailable:", "SwapFree:"})
