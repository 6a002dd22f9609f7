"""Replies as ``redis-cli`` writes them: bare into a pipe, with types and quotes on a terminal."""

from __future__ import annotations

from drillbook.sandbox.resp import Failure, Reply, Status

AS_TEXT = {"info", "lolwut", "memory doctor", "memory malloc-stats", "client list", "client info", "latency doctor"}
"""Commands whose long string a terminal shows bare."""


def bare(reply: Reply) -> str:
    """For a pipe: values alone, one a line; nothing for nil."""
    if isinstance(reply, list):
        return "\n".join(bare(item) for item in reply)
    if reply is None:
        return ""
    if isinstance(reply, Status | Failure):
        return str(reply)
    return str(reply) if isinstance(reply, int) else _text(reply)


def with_types(reply: Reply, indent: str = "") -> str:
    """For a terminal: ``(integer) 3``, ``"text"``, ``1) "first"``."""
    if isinstance(reply, list):
        return _numbered(reply, indent)
    if reply is None:
        return "(nil)"
    if isinstance(reply, Failure):
        return f"(error) {reply}"
    if isinstance(reply, Status):
        return str(reply)
    return f"(integer) {reply}" if isinstance(reply, int) else quoted(reply)


def shown(reply: Reply, words: list[str], for_people: bool) -> str:
    """A reply to the command ``words``, in the one form or the other."""
    names = {" ".join(words[:count]).lower() for count in (1, 2)}
    if not for_people or (isinstance(reply, bytes) and names & AS_TEXT):
        return bare(reply)
    return with_types(reply)


def quoted(value: bytes) -> str:
    """A string with quotes and escapes: everything but printable ASCII as ``\\xNN``."""
    escapes = {ord('"'): '\\"', ord("\\"): "\\\\", 10: "\\n", 13: "\\r", 9: "\\t", 7: "\\a", 8: "\\b"}
    return '"' + "".join(escapes.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in value) + '"'


def _numbered(items: list[Reply], indent: str) -> str:
    if not items:
        return "(empty array)"
    width = len(str(len(items)))
    deeper = indent + " " * (width + 2)
    lines = [f"{number:>{width}}) {with_types(item, deeper)}" for number, item in enumerate(items, 1)]
    return f"\n{indent}".join(lines)


def _text(value: bytes) -> str:
    # Whatever bytes a value has, they leave as they came in: standard output writes surrogates back as those bytes.
    return value.decode("utf-8", "surrogateescape")
