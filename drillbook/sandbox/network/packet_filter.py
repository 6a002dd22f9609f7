"""Packets that get lost: a filter on a TCP socket makes the kernel drop what comes in, and TCP does what TCP does.

Any process may put such a filter on a socket that it has; it needs no privilege. The sender hears nothing and sends
again, later and later, as over a bad line.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Any, Final

SO_ATTACH_FILTER: Final = 26
SO_DETACH_FILTER: Final = 27
_LOAD_WORD, _AT_LEAST, _RETURN = 0x20, 0x35, 0x06
_RANDOM: Final = 0xFFFFF000 + 56
"""Where a filter finds a random 32 bit number."""
_KEEP: Final = 0xFFFFFFFF


def lose(sock: Any, ratio: float) -> None:
    """Of the packets that come to this socket, lose so many (0 to 1) at random. Raises OSError."""
    if ratio <= 0:
        keep_all(sock)
        return
    threshold = min(0xFFFFFFFF, int(ratio * 2**32))
    program = (
        [_instruction(_RETURN, 0)]
        if ratio >= 1
        else [
            _instruction(_LOAD_WORD, _RANDOM),
            _instruction(_AT_LEAST, threshold, 0, 1),
            _instruction(_RETURN, _KEEP),
            _instruction(_RETURN, 0),
        ]
    )
    code = ctypes.create_string_buffer(b"".join(program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code)))


def keep_all(sock: Any) -> None:
    """Lose nothing any more; a socket without a filter stays as it is."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    except FileNotFoundError:  # there was none
        return


def _instruction(code: int, k: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, otherwise, k)
