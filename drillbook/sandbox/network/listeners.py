"""Who on this machine holds a port, for sentences that say so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"


def who_listens(port: int, address: str | None = None) -> str | None:
    """``python3 (pid 4711) on 0.0.0.0:8000``: whoever listens on all addresses, or on ``address``, at that port.

    None when nobody does. Without a name: what is another user's, or outside of the user name space that we are in.
    """
    for text, inode, uid in _listening(port):
        if text in {"0.0.0.0", "::"} or text == address:
            return f"{_owner(inode) or _user(uid)} on {text}:{port}"
    return None


def _listening(port: int) -> Iterator[tuple[str, str, int]]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:  # no IPv6 on this machine
            continue
        for line in lines:
            fields = line.split()
            where, _, hex_port = fields[1].partition(":")
            if fields[3] == _LISTEN and int(hex_port, 16) == port:
                yield _readable(where), fields[9], int(fields[7])


def _readable(address: str) -> str:
    if len(address) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(address)))
    return "::" if int(address, 16) == 0 else address


def _user(uid: int) -> str:
    return "another process of yours (ss -ltnp names it)" if uid == os.geteuid() else "a process of another user"


def _owner(inode: str) -> str | None:
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(str(fd.readlink()) == wanted for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # gone, or not ours to look at
            continue
    return None
