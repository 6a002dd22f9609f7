"""Names as a pod sees them: the cluster's own first, then those of the system.

The cluster's names are in the hosts file that $DRILLBOOK_HOSTS points to. Where the kernel allows it, the same file
lies over /etc/hosts and every program sees it; where it doesn't, the sandbox's own programs still do. Without the
variable, as on a real cluster, only the system is asked.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path


def cluster_address(name: str) -> str | None:
    """The address that the cluster's hosts file gives to a name, or None."""
    file = os.environ.get("DRILLBOOK_HOSTS")
    if not file:
        return None
    wanted = name.rstrip(".").lower()
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError:
        # Being replaced, or gone with its sandbox: the system may still know the name.
        return None
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in (known.lower() for known in names):
            return address
    return None


def address_of(name: str) -> str:
    """The first address of a name; socket.gaierror when nobody knows it."""
    return cluster_address(name) or str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])


async def find_address(name: str) -> str:
    """As ``address_of``, without holding up the event loop while the system looks."""
    import asyncio  # whoever awaits this has it already; the small programs that only look up a name need not

    known = cluster_address(name)
    if known:
        return known
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return str(found[0][4][0])
