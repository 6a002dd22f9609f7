"""What the kubelet promises about what containers say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.kubelet.logs import LONGEST_LINE, LogFile


async def read(log: LogFile, **options: Any) -> bytes:
    given = {"follow": False, "tail": None, "since": None, "timestamps": False, "limit_bytes": None} | options
    return b"".join([chunk async for chunk in log.read(**given)])


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_what_was_said_is_what_is_read_however_it_was_cut(tmp_path_factory: Any, pieces: list[bytes]) -> None:
    log = LogFile(tmp_path_factory.mktemp("log") / "0.log")
    for piece in pieces:
        log.write(1, piece)
    log.end()
    assert asyncio.run(read(log)) == b"".join(pieces)


def test_a_line_of_any_length_is_read_whole(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(1, b"x" * (3 * LONGEST_LINE) + b"\nshort\n")
    assert asyncio.run(read(log)) == b"x" * (3 * LONGEST_LINE) + b"\nshort\n"


def test_tail_limit_and_timestamps(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(1, b"one\ntwo\n")
    log.write(2, b"three\n")
    assert asyncio.run(read(log, tail=2)) == b"two\nthree\n"
    assert asyncio.run(read(log, tail=0)) == b""
    assert asyncio.run(read(log, limit_bytes=5)) == b"one\nt"
    first = asyncio.run(read(log, timestamps=True)).split(b"\n")[0]
    moment, text = first.split(b" ")
    assert text == b"one"
    assert abs(datetime.fromisoformat(moment[:26].decode() + "+00:00") - datetime.now(UTC)).total_seconds() < 5


def test_since_leaves_out_what_was_said_before(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(1, b"old\n")
    between = datetime.now(UTC)
    log.write(1, b"new\n")
    assert asyncio.run(read(log, since=between)) == b"new\n"


def test_a_follower_hears_what_comes_later_and_ends_with_the_run(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "0.log")
    log.write(1, b"before\n")

    async def follow() -> bytes:
        following = asyncio.create_task(read(log, follow=True))
        await asyncio.sleep(0.05)
        log.write(1, b"later\n")
        await asyncio.sleep(0.05)
        assert not following.done()
        log.end()
        return await asyncio.wait_for(following, 2)

    assert asyncio.run(follow()) == b"before\nlater\n"
