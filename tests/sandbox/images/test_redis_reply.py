"""Replies look as redis-cli shows them."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.images.redis_reply import bare, quoted, shown, with_types
from drillbook.sandbox.resp import Failure, Reply, Status


@pytest.mark.parametrize(
    ("reply", "in_a_pipe", "on_a_terminal"),
    [
        (Status("PONG"), "PONG", "PONG"),
        (Failure("ERR no"), "ERR no", "(error) ERR no"),
        (7, "7", "(integer) 7"),
        (None, "", "(nil)"),
        (b"a b", "a b", '"a b"'),
        ([], "", "(empty array)"),
        ([b"0", [b"k1", b"k2"]], "0\nk1\nk2", '1) "0"\n2) 1) "k1"\n   2) "k2"'),
    ],
)
def test_a_reply_has_two_forms(reply: Reply, in_a_pipe: str, on_a_terminal: str) -> None:
    assert bare(reply) == in_a_pipe
    assert with_types(reply) == on_a_terminal


def test_numbers_of_a_long_list_stand_below_one_another() -> None:
    lines = with_types([b"x"] * 10).splitlines()
    assert lines[0] == ' 1) "x"'
    assert lines[9] == '10) "x"'


def test_a_long_report_is_readable_on_a_terminal() -> None:
    assert shown(b"# Memory\r\nused:1", ["INFO", "memory"], for_people=True) == "# Memory\r\nused:1"
    assert shown(b"value", ["GET", "info"], for_people=True) == '"value"'


@given(st.binary())
def test_quotes_hide_nothing(value: bytes) -> None:
    assert ast.literal_eval("b" + quoted(value)) == value
    assert quoted(value).isascii()
