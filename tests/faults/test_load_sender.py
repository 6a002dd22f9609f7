"""What load-spike's pod runs: a steady rate, an end of its own, and only what came back is counted."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from drillbook.faults import load_sender
from drillbook.faults.load_sender import Tally, send


async def answering(words: bytes, may: asyncio.Event | None = None) -> tuple[asyncio.Server, int, list[str]]:
    """A server that says ``words`` to each request; its port, and the first line of every request."""
    seen: list[str] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        if may is not None:
            await may.wait()
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], seen


def sent(words: bytes, rate: float, seconds: float, most: int) -> tuple[Tally, list[str]]:
    async def scene() -> tuple[Tally, list[str]]:
        server, port, seen = await answering(words)
        tally = Tally()
        async with server:
            await send("127.0.0.1", port, "/orders", rate, seconds, most, tally)
        return tally, seen

    return asyncio.run(scene())


def test_it_sends_its_rate_for_its_time_and_counts_what_came_back() -> None:
    tally, seen = sent(b"HTTP/1.1 200 OK\r\n\r\nfine", rate=100, seconds=0.5, most=1000)
    assert set(seen) == {"GET /orders HTTP/1.1"}
    assert tally.answered == Counter({"200": len(seen)})
    assert 25 <= len(seen) <= 50
    assert tally.unanswered == 0


def test_it_never_sends_more_in_all_than_it_may() -> None:
    tally, seen = sent(b"HTTP/1.1 503 Busy\r\n\r\n", rate=1000, seconds=60, most=7)
    assert len(seen) == 7
    assert tally.answered == Counter({"503": 7})


@pytest.mark.parametrize("words", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 soon\r\n\r\n", b"\xff\xfe"])
def test_what_is_no_answer_is_counted_as_none(words: bytes) -> None:
    tally, _ = sent(words, rate=50, seconds=0.1, most=3)
    assert (tally.answered, tally.unanswered) == (Counter(), 3)


def test_a_port_at_which_nobody_listens_answers_nothing() -> None:
    async def scene() -> Tally:
        server, port, _ = await answering(b"")
        server.close()
        await server.wait_closed()
        tally = Tally()
        await send("127.0.0.1", port, "/", 50, 0.1, 3, tally)
        return tally

    tally = asyncio.run(scene())
    assert (tally.answered, tally.unanswered) == (Counter(), 3)


def test_a_request_does_not_wait_for_the_answers_of_others() -> None:
    async def scene() -> int:
        everybody = asyncio.Barrier(10)

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await everybody.wait()
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            writer.close()

        server, tally = await asyncio.start_server(one, "127.0.0.1", 0), Tally()
        async with server, asyncio.timeout(5):
            await send("127.0.0.1", server.sockets[0].getsockname()[1], "/", 50, 60, 10, tally)
        return tally.answered["200"]

    assert asyncio.run(scene()) == 10


def test_whoever_never_answers_holds_it_up_for_its_time_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_sender, "ANSWER_SECONDS", 0.2)

    async def scene() -> Tally:
        server, port, _ = await answering(b"", asyncio.Event())
        tally = Tally()
        async with asyncio.timeout(5):
            await send("127.0.0.1", port, "/", 50, 0.1, 2, tally)
        server.close()
        return tally

    assert asyncio.run(scene()).unanswered == 2


def test_it_runs_from_its_source_alone_and_its_last_line_is_what_came_back() -> None:
    async def scene() -> str:
        server, port, _ = await answering(b"HTTP/1.1 200 OK\r\n\r\n")
        source = await asyncio.to_thread(Path(load_sender.__file__).read_text)
        words = ("127.0.0.1", str(port), "/", "40", "60", "20")
        # -I and -S: the standard library and nothing else, as in an image that only has Python.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", source, *words, stdout=subprocess.PIPE
        )
        async with server:
            said, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0
        return said.decode()

    told = json.loads(asyncio.run(scene()).splitlines()[-1])
    assert told["answered"] == {"200": 20}
    assert told["unanswered"] == 0
