"""Connections between pods that don't pass the balancer: made straight to a pod's address, or before a rule came.

What loses packets (partitions, refusals, loss) is done to them where they end: their sockets get a packet filter. What
would need their bytes (delay, limits) can't be; whoever asked for that is told so. They are looked for again and again
while rules hold, because nobody announces a connection; with no rule nobody looks.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from drillbook.sandbox.cluster import log
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.network import packet_filter
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.peers import Owner
from drillbook.sandbox.network.sockets import Address, Connection, connections
from drillbook.sandbox.network.treatment import Treatment

PERIOD: Final = 0.25
_PIDFD_GETFD: Final = 438
"""The system call, on every architecture."""

type OnUncovered = Callable[[str, Object, Object, str], None]
"""A cause, the pod that connected, the pod that it is connected to, and a sentence why it isn't covered."""


class Beside:
    """Looks for such connections while rules hold."""

    def __init__(self, guard: Guard, on_uncovered: OnUncovered) -> None:
        self._guard, self._on_uncovered = guard, on_uncovered
        self._lossy: dict[int, float] = {}
        self._told: set[tuple[str, str, str]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._guard.active and not self._lossy:
                self._told.clear()
                await self._guard.change()
            try:
                self.look()
            except OSError:
                log.exception("connections that pass the balancer by were not looked at")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._guard.change(), PERIOD)

    def look(self) -> None:
        """Have every such connection treated as the rules say now. Raises OSError."""
        owners = self._guard.peers.look()
        found = {(c.local, c.remote): c for c in connections() if c.inode}
        wanted: dict[int, tuple[float, str, Address]] = {}
        for connection in found.values():
            owner = owners.get(connection.inode)
            if owner is None or not self._leads_to_a_pod(connection):
                continue
            client, server = owner.pod, connection.remote
            forth, back = self._guard.ways(client, server)
            other_end = found.get((connection.remote, connection.local))
            for end, treatment in ((other_end, forth), (connection, back)):
                if end is not None and _ratio(treatment):
                    wanted[end.inode] = (_ratio(treatment), client, server)
            if forth.delays or forth.buckets or back.delays or back.buckets:
                self._tell(client, server, "it was opened past the Service; one that is opened from now on will be")
        for inode in self._lossy.keys() - wanted.keys():
            self._lose(owners.get(inode), inode, 0.0)
        for inode, (ratio, client, server) in wanted.items():
            problem = self._lose(owners.get(inode), inode, ratio)
            if problem:
                self._tell(client, server, problem)

    def _leads_to_a_pod(self, connection: Connection) -> bool:
        if self._guard.pod_at(connection.remote[0]) is None:
            return False
        # With a pod's address at both ends, each end looks like a client; a server's port is the lower one.
        return self._guard.pod_at(connection.local[0]) is None or connection.local[1] > connection.remote[1]

    def _lose(self, owner: Owner | None, inode: int, ratio: float) -> str:
        """Have a socket lose that many packets; returns what kept us from it."""
        if self._lossy.get(inode, 0.0) == ratio:
            return ""
        if owner is not None:
            try:
                with _borrowed(owner) as sock:
                    packet_filter.lose(sock, ratio)
            except OSError as error:
                log.warning("packets of process %d can't be lost: %s", owner.pid, error)
                return f"its socket can't be had ({error.strerror or error})"
        if ratio:
            self._lossy[inode] = ratio
        else:
            self._lossy.pop(inode, None)
        return ""

    def _tell(self, client: str, server: Address, why: str) -> None:
        asking, asked = self._guard.pod_with(client), self._guard.pod_at(server[0])
        if asking is None or asked is None:
            return
        for cause in self._guard.causes_between(client, str(asked["metadata"]["uid"])):
            known = (cause, client, server[0])
            if known not in self._told:
                self._told.add(known)
                self._on_uncovered(cause, asking, asked, why)


def _ratio(treatment: Treatment) -> float:
    return 1.0 if treatment.blocked else treatment.loss


def _borrowed(owner: Owner) -> socket.socket:
    """Another process's socket, as a descriptor of our own. Raises OSError."""
    process = os.pidfd_open(owner.pid)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.syscall(_PIDFD_GETFD, process, owner.descriptor, 0)
        if descriptor < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"its socket can't be had: {os.strerror(code)}")
    finally:
        os.close(process)
    return socket.socket(fileno=descriptor)
