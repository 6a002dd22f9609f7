"""Which pod a connection comes from. On loopback every source is 127.0.0.1, so the socket's owner is looked for."""

# read for every connection while a rule holds, and pathlib doubles what that costs
# ruff: noqa: PTH115, PTH208

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.network.sockets import Address, inode_of

type Processes = Callable[[], Mapping[str, Iterable[int]]]
"""The processes of all pods, by the pod's uid."""

HOST: Final = ""
"""Stands for a source that is no pod: a program of this machine, or the sandbox itself."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a socket open."""

    pod: str
    pid: int
    descriptor: int


class Peers:
    """Finds owners; remembers the last look, because a connection's socket mostly lives longer than one question."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._owners: dict[int, Owner] = {}

    def pod_of(self, local: Address, remote: Address) -> str:
        """The uid of the pod whose socket has the address ``local`` and is connected with ``remote``; else HOST."""
        inode = inode_of(local, remote)
        if inode is None:
            return HOST
        owner = self._owners.get(inode) or self.look().get(inode)
        return owner.pod if owner else HOST

    def look(self) -> Mapping[int, Owner]:
        """The owners of all sockets of all pods, by inode."""
        found: dict[int, Owner] = {}
        for pod, pids in self._processes().items():
            for pid in pids:
                for descriptor, inode in _sockets_of(pid):
                    found.setdefault(inode, Owner(pod, pid, descriptor))
        self._owners = found
        return found


def _sockets_of(pid: int) -> list[tuple[int, int]]:
    folder = f"/proc/{pid}/fd"
    found = []
    try:
        names = os.listdir(folder)
    except OSError:  # it ended, or is another user's
        return []
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
        except OSError:  # closed while we looked
            continue
        if target.startswith("socket:["):
            found.append((int(name), int(target[8:-1])))
    return found
