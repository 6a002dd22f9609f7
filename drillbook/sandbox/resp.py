"""The Redis protocol (RESP2) without any I/O: commands into bytes, bytes into replies."""

from __future__ import annotations

type Reply = Status | Failure | int | bytes | list[Reply] | None

END = b"\r\n"


class Status(str):
    """A short answer, such as ``OK`` or ``PONG``."""

    __slots__ = ()


class Failure(str):
    """The server's no: ``ERR unknown command``."""

    __slots__ = ()


class ProtocolError(ValueError):
    """The bytes are no Redis reply: something else answers on that port."""


def command(*words: str | bytes | int) -> bytes:
    """One command as it travels."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Replies:
    """Bytes in, whole replies out."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Take more bytes; gives the replies that are now complete. Raises ProtocolError on anything else."""
        self._buffer += data
        replies: list[Reply] = []
        start = 0
        while (parsed := _parse(self._buffer, start)) is not None:
            reply, start = parsed
            replies.append(reply)
        self._buffer = self._buffer[start:]
        return replies


def _parse(data: bytes, start: int) -> tuple[Reply, int] | None:
    """One reply and where it ends, or None while it is incomplete."""
    end = data.find(END, start)
    if end < 0:
        return None
    kind, text, after = data[start : start + 1], data[start + 1 : end], end + len(END)
    if kind == b"+":
        return Status(text.decode("utf-8", "replace")), after
    if kind == b"-":
        return Failure(text.decode("utf-8", "replace")), after
    if kind == b":":
        return _number(text), after
    if kind == b"$":
        return _bulk(data, after, _number(text))
    if kind == b"*":
        return _array(data, after, _number(text))
    raise ProtocolError(f"expected a Redis reply, found {data[start : start + 20]!r}")


def _bulk(data: bytes, start: int, length: int) -> tuple[Reply, int] | None:
    if length < 0:
        return None, start
    end = start + length
    if len(data) < end + len(END):
        return None
    if data[end : end + len(END)] != END:
        raise ProtocolError(f"expected a string of {length} bytes to end there, found {data[end : end + 2]!r}")
    return data[start:end], end + len(END)


def _array(data: bytes, start: int, length: int) -> tuple[Reply, int] | None:
    if length < 0:
        return None, start
    items: list[Reply] = []
    for _ in range(length):
        parsed = _parse(data, start)
        if parsed is None:
            return None
        item, start = parsed
        items.append(item)
    return items, start


def _number(text: bytes) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ProtocolError(f"expected a number, found {text[:20]!r}") from error
