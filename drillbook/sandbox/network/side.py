"""One end of a connection that the balancer passes on, and the way from there to the other end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any, Final, cast

from drillbook.sandbox.network import packet_filter
from drillbook.sandbox.network.lane import Lane
from drillbook.sandbox.network.treatment import FREE, Treatment

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_HIGH_WATER: Final = 256 * 1024


class Side(asyncio.Protocol):
    """Passes what it receives to ``other``; undisturbed, that is one call and no queue."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self._treatment = FREE
        self._lane: Lane | None = None
        self._held_by: set[str] = set()
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        if self._lane is not None:
            self._lane.take(data)
        else:
            self._pass(data)

    def eof_received(self) -> bool:
        if self._lane is not None:
            self._lane.take_end()
        else:
            self._pass_end()
        return True  # this side may still receive

    def pause_writing(self) -> None:
        if self.other:
            self.other.hold("the other side can't take more")

    def resume_writing(self) -> None:
        if self.other:
            self.other.release("the other side can't take more")

    def connection_lost(self, error: Exception | None) -> None:
        if self._lane is not None:
            self._lane.close()
        other, self.other = self.other, None
        if other is None:
            return
        other.other = None
        if error is None and other.transport is not None:
            other.transport.close()
        else:
            other.reset()

    def treat(self, treatment: Treatment) -> None:
        """What happens to the bytes from here to the other side, from now on. Raises OSError."""
        if treatment.loss != self._treatment.loss and self.transport is not None:
            packet_filter.lose(self._socket(), treatment.loss)
        self._treatment = treatment
        if self._lane is not None:
            self._lane.treat(treatment)
            if self._lane.idle:
                self._lane = None
        elif treatment.shapes:
            self._lane = Lane(treatment, self._pass, self._pass_end, self._hold_for_lane)

    def hold(self, reason: str) -> None:
        """Read no more until every reason is released."""
        if not self._held_by and self.transport and not self.transport.is_closing():
            self.transport.pause_reading()
        self._held_by.add(reason)

    def release(self, reason: str) -> None:
        if reason in self._held_by:
            self._held_by.discard(reason)
            if not self._held_by and self.transport and not self.transport.is_closing():
                self.transport.resume_reading()

    def reset(self) -> None:
        """Close so that the peer sees a reset and not an ordinary end."""
        if self.transport is None or self.transport.is_closing():
            return
        with contextlib.suppress(OSError):  # the peer was faster
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def reset_both(self) -> None:
        """Both ends see a reset."""
        if self.other is not None:
            self.other.reset()
        self.reset()

    def _pass(self, data: bytes) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def _pass_end(self) -> None:
        """Half of the connection is over; with both halves over, it is."""
        self._ended = True
        other = self.other
        if other is None or other.transport is None or self.transport is None or other.transport.is_closing():
            return
        other.transport.write_eof()
        if other._ended:
            other.transport.close()
            self.transport.close()

    def _hold_for_lane(self, hold: bool) -> None:
        if hold:
            self.hold("enough is under way")
        else:
            self.release("enough is under way")

    def _socket(self) -> Any:
        return self.transport.get_extra_info("socket") if self.transport else None
