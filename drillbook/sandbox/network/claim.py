"""Finding a loopback network that no other sandbox has: whoever binds its API address owns it."""

from __future__ import annotations

import socket
from typing import Final

from drillbook.errors import Unreachable
from drillbook.sandbox.network.addresses import API_PORT, FIRST_NETWORK, LAST_NETWORK, Addresses
from drillbook.sandbox.network.listeners import who_listens

_BACKLOG: Final = 512


def claim_network() -> socket.socket:
    """The API's listener on the first free network. Raises Unreachable when there is none."""
    for number in range(FIRST_NETWORK, LAST_NETWORK + 1):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((Addresses(number).api, API_PORT))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            continue
        return listener
    holder = who_listens(API_PORT)
    because = f"{holder} has the port {API_PORT} on all addresses" if holder else "every one has a sandbox"
    raise Unreachable(
        f"no free network for a sandbox: tried 127.{FIRST_NETWORK}.0.1 to 127.{LAST_NETWORK}.0.1, port {API_PORT}, "
        f"and {because}; stop that program, or take sandboxes down (drillbook sandbox down --all)"
    )
