"""The Redis protocol survives being cut anywhere."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.resp import Failure, ProtocolError, Replies, Reply, Status, command

LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
REPLIES = st.recursive(
    st.one_of(
        LINES.map(Status), LINES.map(Failure), st.integers(-(2**63), 2**63 - 1), st.none(), st.binary(max_size=30)
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=10,
)


def encoded(reply: Reply) -> bytes:
    """A reply as a server sends it."""
    if isinstance(reply, Status):
        return f"+{reply}\r\n".encode()
    if isinstance(reply, Failure):
        return f"-{reply}\r\n".encode()
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    if isinstance(reply, list):
        return b"*%d\r\n" % len(reply) + b"".join(encoded(item) for item in reply)
    return b"$-1\r\n"


@given(st.lists(REPLIES, max_size=4), st.lists(st.integers(0, 200), max_size=5))
def test_replies_come_out_whole_and_in_order_however_the_bytes_are_cut(replies: list[Reply], cuts: list[int]) -> None:
    data = b"".join(encoded(reply) for reply in replies)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = Replies()
    found = [reply for start, end in itertools.pairwise(edges) for reply in reader.feed(data[start:end])]
    assert found == replies
    assert [type(reply) for reply in found] == [type(reply) for reply in replies]


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_a_command_is_a_list_of_its_words(words: list[bytes]) -> None:
    assert Replies().feed(command(*words)) == [words]


@given(st.binary(max_size=60))
def test_anything_else_on_the_port_is_a_protocol_error_or_waits_for_more(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        Replies().feed(data)


def test_an_http_server_is_no_redis() -> None:
    with pytest.raises(ProtocolError, match="expected a Redis reply"):
        Replies().feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
