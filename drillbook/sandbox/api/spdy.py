"""SPDY/3.1 framing: what ``kubectl port-forward`` speaks inside its WebSocket.

Frames and header blocks as in the SPDY protocol's third draft; flow control, priorities and push, which kubectl does
not use, are left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

SYN_STREAM: Final = 1
SYN_REPLY: Final = 2
RST_STREAM: Final = 3
PING: Final = 6
GOAWAY: Final = 7
DATA: Final = 0
"""Data frames carry no type; here they have this one."""
FIN: Final = 1
_VERSION: Final = 3
_CONTROL: Final = 0x80000000
_ID: Final = 0x7FFFFFFF
_LONGEST: Final = 64 * 1024
"""Bytes of headers that one stream may bring, inflated."""

_NAMES: Final = (
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding",
    "accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection", "content-base",
    "content-encoding", "content-language", "content-length", "content-location", "content-md5", "content-range",
    "content-type", "date", "etag", "expect", "expires", "from", "host", "if-match", "if-modified-since",
    "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location", "max-forwards", "pragma",
    "proxy-authenticate", "proxy-authorization", "range", "referer", "retry-after", "server", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning", "www-authenticate", "method", "get",
    "status", "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin",
)  # fmt: skip
_TAIL: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY: Final = b"".join(struct.pack(">I", len(name)) + name.encode() for name in _NAMES) + _TAIL.encode()
"""Both sides' compression begins with these words; the protocol fixes them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    type: int
    stream: int = 0
    """The stream, or a ping's number."""
    fin: bool = False
    headers: Mapping[str, str] | None = None
    data: bytes = b""


class Decoder:
    """Bytes in, frames out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. ValueError for what is no SPDY."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            length = second & 0xFFFFFF
            if len(self._buffer) < 8 + length:
                return
            body = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            frame = self._frame(first, second >> 24, body)
            if frame is not None:
                yield frame

    def _frame(self, first: int, flags: int, body: bytes) -> Frame | None:
        fin = bool(flags & FIN)
        if not first & _CONTROL:
            return Frame(DATA, first & _ID, fin, data=body)
        if first >> 16 & 0x7FFF != _VERSION:
            raise ValueError(f"SPDY version {first >> 16 & 0x7FFF}, expected {_VERSION}")
        type_ = first & 0xFFFF
        number = struct.unpack_from(">I", body)[0] if len(body) >= 4 else 0
        if type_ == SYN_STREAM:
            return Frame(type_, number & _ID, fin, headers=self._headers(body[10:]))
        if type_ in {RST_STREAM, GOAWAY}:
            return Frame(type_, number & _ID)
        return Frame(type_, number) if type_ == PING else None

    def _headers(self, block: bytes) -> dict[str, str]:
        """Names and values, each with its length before it."""
        data = self._inflate.decompress(block, _LONGEST)
        (count,) = struct.unpack_from(">I", data)
        words: list[str] = []
        position = 4
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", data, position)
            words.append(data[position + 4 : position + 4 + length].decode("latin-1"))
            position += 4 + length
        return dict(zip((name.lower() for name in words[::2]), words[1::2], strict=True))


class Encoder:
    """Frames in, bytes out."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def reply(self, stream: int) -> bytes:
        """Accept a stream."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(SYN_REPLY, struct.pack(">I", stream) + block)

    def data(self, stream: int, payload: bytes, *, fin: bool = False) -> bytes:
        """Some bytes of a stream; ``fin`` says that they are the last."""
        return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(payload)) + payload

    def ping(self, number: int) -> bytes:
        """Answer a ping."""
        return _control(PING, struct.pack(">I", number))


def _control(type_: int, body: bytes) -> bytes:
    return struct.pack(">II", _CONTROL | _VERSION << 16 | type_, len(body)) + body
