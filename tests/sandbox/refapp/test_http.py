"""Requests are read strictly, and whatever a client sends, it gets an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.refapp.http import HttpError, Request, Response, Routes, answer, parse_head
from drillbook.sandbox.refapp.server import MOST_BODY_BYTES, Server
from tests.sandbox.containers import address


@given(st.binary(max_size=200))
def test_any_head_is_a_request_or_an_error_for_the_client(head: bytes) -> None:
    refused = None
    try:
        parse_head(head)
    except HttpError as error:
        refused = error.status
    assert refused in {None, 400, 431, 505}


def test_a_head_is_taken_apart() -> None:
    request = parse_head(b"GET /orders/a%20b?prefix=x%2By&after= HTTP/1.1\r\nHost: api\r\nX-Empty:")
    assert (request.method, request.path) == ("GET", "/orders/a b")
    assert request.query == {"prefix": "x+y", "after": ""}
    assert request.headers == {"host": "api", "x-empty": ""}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /", 400),
        (b"GET  HTTP/1.1", 400),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/1.1\r\nno colon", 400),
        (b"GET / HTTP/1.1\r\nName : spaced", 400),
        (b"GET / HTTP/1.1" + b"\r\na: b" * 101, 431),
    ],
)
def test_a_wrong_head_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(HttpError) as refused:
        parse_head(head)
    assert refused.value.status == status


@given(st.from_regex(r"[A-Za-z0-9._~-]+", fullmatch=True))
def test_a_route_counts_under_its_template_and_not_under_its_keys(key: str) -> None:
    routes, request = Routes(), Request("GET", f"/orders/{key}", {}, {}, "HTTP/1.1")
    routes.add("GET", "/orders/{key}", echo)
    assert routes.find(request) is echo
    assert (request.route, request.parameters) == ("/orders/{key}", {"key": key})


async def echo(request: Request) -> Response:
    """Answers with what it was asked."""
    return answer(200, {"method": request.method, "path": request.path, "body": request.body.decode()})


def conversation(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Let a client talk to a server that echoes."""

    async def run() -> None:
        server, where = Server(echo), address()
        await server.listen(where, 8000)
        reader, writer = await asyncio.open_connection(where, 8000)
        async with asyncio.timeout(10):
            await talk(reader, writer)
        writer.close()
        await server.finish(1)

    asyncio.run(run())


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


def test_requests_on_one_connection_are_answered_in_order_also_when_sent_at_once() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(3):
            writer.write(b"POST /%d HTTP/1.1\r\nContent-Length: 2\r\n\r\nb%d" % (number, number))
        for number in range(3):
            status, headers, body = await read_answer(reader)
            assert (status, headers["connection"]) == (200, "keep-alive")
            assert json.loads(body) == {"method": "POST", "path": f"/{number}", "body": f"b{number}"}

    conversation(talk)


def test_a_body_in_chunks_is_put_together() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n"
        )
        assert json.loads((await read_answer(reader))[2])["body"] == "abc0123456789"
        writer.write(b"GET /next HTTP/1.0\r\n\r\n")
        status, headers, _ = await read_answer(reader)
        assert (status, headers["connection"]) == (200, "close")
        assert await reader.read() == b""

    conversation(talk)


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"x")
        assert (await read_answer(reader))[0] == 200

    conversation(talk)


def test_head_has_no_body() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert b"Content-Length: " in head
        assert body == b""

    conversation(talk)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MOST_BODY_BYTES + 1), 413),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x00\xa5\x01\r\n\r\n", 400),
    ],
)
def test_a_request_that_can_not_be_read_is_answered_and_ends_the_connection(request_bytes: bytes, status: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request_bytes)
        found, headers, body = await read_answer(reader)
        assert (found, headers["connection"]) == (status, "close")
        assert json.loads(body)["error"]

    conversation(talk)


def test_a_server_that_finishes_answers_what_it_began_and_accepts_no_more() -> None:
    async def run() -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def slow(_: Request) -> Response:
            begun.set()
            await may_end.wait()
            return answer(200, {})

        server, where = Server(slow), address()
        await server.listen(where, 8000)
        idle_reader, _ = await asyncio.open_connection(where, 8000)
        reader, writer = await asyncio.open_connection(where, 8000)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await begun.wait()
        finishing = asyncio.create_task(server.finish(5))
        assert await idle_reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(where, 8000)
        may_end.set()
        status, headers, _ = await read_answer(reader)
        assert (status, headers["connection"]) == (200, "close")
        await finishing

    asyncio.run(run())
