"""The HTTP client: open-loop schedules, time from when a request was due, addresses of their own."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
import trustme
from aiohttp import web

from drillbook.clients.http import Answer, Request, open_http
from drillbook.clients.reach import Endpoint
from tests.clients.conftest import Authority
from tests.clients.servers import HOST, closed_port, http_server, silent_server

GET = Request("GET", "/orders")


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.headers['Host']} {request.path_qs}")


def test_a_stall_is_seen_by_every_request_that_was_due_meanwhile() -> None:
    """Coordinated omission: a client that waits for its answers would see one slow request."""
    stall = 0.5

    async def run() -> list[Answer]:
        loop = asyncio.get_running_loop()
        begin = loop.time()

        async def stalling(_: web.Request) -> web.Response:
            await asyncio.sleep(max(0.0, begin + stall - loop.time()))
            return web.Response()

        async with http_server(stalling) as endpoint, open_http(endpoint) as client:
            return await client.run_schedule([GET] * 100, rate=100)

    answers = asyncio.run(run())
    # Exactly what is left of the stall when each was due, and never less.
    assert all(answer.took >= stall - answer.due - 0.1 for answer in answers)
    assert sum(answer.took > 0.15 for answer in answers) >= 30


def test_requests_leave_at_their_own_moments_whatever_the_answers_do() -> None:
    async def run() -> list[Answer]:
        async def slow(_: web.Request) -> web.Response:
            await asyncio.sleep(0.3)
            return web.Response()

        async with http_server(slow) as endpoint, open_http(endpoint) as client:
            return await client.run_schedule([GET] * 50, rate=100)

    answers = asyncio.run(run())
    assert [round(answer.due, 6) for answer in answers] == [n / 100 for n in range(50)]
    assert max(answer.due + answer.took for answer in answers) < 5
    assert all(answer.late >= 0 for answer in answers)


def test_the_host_is_asked_for_while_the_address_is_connected_to(authority: Authority) -> None:
    async def run() -> Answer:
        certificate = authority.ca.issue_cert(HOST)
        async with http_server(hello, certificate) as endpoint, open_http(endpoint, ca=authority.file) as client:
            return await client.send(Request("GET", "/orders?limit=3"))

    answer = asyncio.run(run())
    assert answer.status == 200
    assert answer.body.decode().startswith(f"{HOST}:")
    assert answer.body.decode().endswith("/orders?limit=3")


def test_a_certificate_of_a_strange_authority_is_told_apart_from_an_outage() -> None:
    async def run() -> Answer:
        async with http_server(hello, trustme.CA().issue_cert(HOST)) as endpoint, open_http(endpoint) as client:
            return await client.send(GET)

    answer = asyncio.run(run())
    assert answer.status is None
    assert answer.mistrusted


def test_a_certificate_for_another_name_is_not_trusted(authority: Authority) -> None:
    async def run() -> Answer:
        certificate = authority.ca.issue_cert("elsewhere.example")
        async with http_server(hello, certificate) as endpoint, open_http(endpoint, ca=authority.file) as client:
            return await client.send(GET)

    assert asyncio.run(run()).mistrusted


def test_a_server_that_never_answers_costs_the_time_out_and_no_more() -> None:
    async def run() -> Answer:
        async with silent_server() as endpoint, open_http(endpoint, timeout=0.3) as client:
            return await client.send(GET)

    answer = asyncio.run(run())
    assert answer.failed
    assert answer.problem == "no answer within 0.3 s"
    assert 0.25 < answer.took < 5


def test_a_refused_connection_is_an_answer_that_failed() -> None:
    async def run() -> list[Answer]:
        endpoint = Endpoint("127.0.0.1", closed_port(), HOST, False, "nobody")
        async with open_http(endpoint) as client:
            return await client.run_schedule([GET] * 5, rate=100)

    answers = asyncio.run(run())
    assert all(answer.failed and answer.status is None for answer in answers)
    assert set(Counter(answer.problem for answer in answers)) == {"Connection refused"}


@pytest.mark.parametrize(
    ("status", "failed"), [(200, False), (302, False), (404, False), (429, False), (500, True), (503, True)]
)
def test_only_the_servers_own_errors_count_as_failed(status: int, failed: bool) -> None:
    async def run() -> Answer:
        async def answering(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": "/elsewhere"})

        async with http_server(answering) as endpoint, open_http(endpoint) as client:
            return await client.send(GET)

    answer = asyncio.run(run())
    assert (answer.status, answer.failed) == (status, failed)


def test_a_connection_cut_in_the_middle_of_an_answer_is_a_failure() -> None:
    async def run() -> Answer:
        async def cut(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport is not None
            request.transport.abort()
            return response

        async with http_server(cut) as endpoint, open_http(endpoint) as client:
            return await client.send(GET)

    answer = asyncio.run(run())
    assert answer.failed
    assert answer.status is None
    assert answer.problem
