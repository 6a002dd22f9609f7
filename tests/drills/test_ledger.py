"""The write ledger against small real servers: one that keeps its promises, and liars."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from drillbook.clients.http import HttpClient, open_http
from drillbook.drills.ledger import Ledger, body_of, filled, read_back, read_ledger
from drillbook.errors import ConfigError, Unreachable
from drillbook.judge.ledger import Fate, tally
from drillbook.model.policy import Route, WriteRoutes
from tests.clients.servers import http_server

WRITE = Route("POST", "/orders", body={"key": "{key}", "body": "{body}"})
READ = Route("GET", "/orders/{key}")
ROUTES = WriteRoutes(WRITE, READ, Route("GET", "/orders?prefix={prefix}"))


@dataclass
class Store:
    """Orders in memory, answered as the reference service does, and the ways in which a system may lie."""

    rows: list[tuple[str, str]] = field(default_factory=list)
    forgets: set[str] = field(default_factory=set)
    doubles: set[str] = field(default_factory=set)
    fails_after: set[str] = field(default_factory=set)
    lists: bool = True

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return self._write(await request.json())
        key = request.path.removeprefix("/orders").strip("/")
        if key:
            copies = [body for k, body in self.rows if k == key]
            if not copies:
                return web.json_response({}, status=404)
            return web.json_response({"key": key, "body": copies[0], "copies": len(copies)})
        if not self.lists:
            return web.json_response({}, status=404)
        return self._page(request.query["prefix"], request.query.get("after", ""), int(request.query["limit"]))

    def _write(self, given: dict[str, str]) -> web.StreamResponse:
        key = given["key"]
        for _ in range(2 if key in self.doubles else 1):
            if key not in self.forgets:
                self.rows.append((key, given["body"]))
        return web.json_response(given, status=500 if key in self.fails_after else 201)

    def _page(self, prefix: str, after: str, limit: int) -> web.StreamResponse:
        keys = sorted({key for key, _ in self.rows if key.startswith(prefix) and key > after})
        items = [
            {
                "key": k,
                "body": next(b for key, b in self.rows if key == k),
                "copies": sum(key == k for key, _ in self.rows),
            }
            for k in keys[:limit]
        ]
        return web.json_response({"items": items, "next": keys[limit - 1] if len(keys) > limit else None})


@asynccontextmanager
async def served(store: Store) -> AsyncIterator[HttpClient]:
    async with http_server(store.answer) as endpoint, open_http(endpoint, timeout=1.0) as http:
        yield http


async def write(book: Ledger, http: HttpClient, count: int) -> None:
    async with book.flushing():
        for _ in range(count):
            await book.write(http, 0.0)


def test_writes_that_are_kept_are_all_found_again(tmp_path: Path) -> None:
    async def scene() -> None:
        book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
        async with served(Store()) as http:
            await write(book, http, 25)
            found = await read_back(http, ROUTES, "run-", book.fates)
        assert {key: item.bodies for key, item in found.items()} == {key: (body_of(key),) for key in book.fates}
        told = tally(book.fates, found, body_of)
        assert (told.acknowledged, told.lost, told.duplicated, told.altered, told.phantom) == (25, 0, 0, 0, 0)

    asyncio.run(scene())


def test_a_system_that_forgets_doubles_or_fails_after_the_commit_is_seen_through(tmp_path: Path) -> None:
    async def scene() -> None:
        store = Store(forgets={"run-000002"}, doubles={"run-000003"}, fails_after={"run-000004"})
        book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
        async with served(store) as http:
            await write(book, http, 6)
            store.rows.append(("run-999999", "nobody sent this"))
            store.rows.append(("somebody else's", "x"))
            told = tally(book.fates, await read_back(http, ROUTES, "run-", book.fates), body_of)
        assert (told.acknowledged, told.lost_keys, told.duplicated, told.phantom) == (5, ("run-000002",), 1, 1)
        assert (told.rejected, told.altered) == (1, 0)

    asyncio.run(scene())


def test_a_system_without_a_listing_is_read_key_by_key(tmp_path: Path) -> None:
    async def scene() -> None:
        store = Store(lists=False, forgets={"run-000001"})
        book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
        async with served(store) as http:
            await write(book, http, 5)
            for routes in (ROUTES, WriteRoutes(WRITE, READ)):
                told = tally(book.fates, await read_back(http, routes, "run-", book.fates), body_of)
                assert (told.acknowledged, told.lost) == (5, 1)

    asyncio.run(scene())


def test_an_answer_that_never_comes_is_unanswered_and_may_be_there(tmp_path: Path) -> None:
    async def scene() -> None:
        store = Store()

        async def slow(request: web.Request) -> web.StreamResponse:
            answer = await store.answer(request)
            if request.method == "POST":
                await asyncio.sleep(1.0)
            return answer

        book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
        async with http_server(slow) as endpoint, open_http(endpoint, timeout=0.1) as http:
            await write(book, http, 1)
            told = tally(book.fates, await read_back(http, ROUTES, "run-", book.fates), body_of)
        assert (told.unanswered, told.acknowledged, told.phantom, told.lost) == (1, 0, 0, 0)

    asyncio.run(scene())


def test_the_file_says_what_the_memory_says_line_by_line(tmp_path: Path) -> None:
    async def scene() -> None:
        book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
        async with served(Store(fails_after={"run-000002"})) as http:
            await write(book, http, 3)
        assert read_ledger(book.path) == book.fates
        words = [line.split("\t")[0] for line in book.path.read_text().splitlines()]
        assert words == ["sent", "acknowledged", "sent", "failed", "sent", "acknowledged"]

    asyncio.run(scene())


def test_a_write_is_in_the_file_before_it_is_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "writes.tsv"
        seen: list[str] = []

        async def looking(request: web.Request) -> web.StreamResponse:
            seen.append(path.read_text())
            return web.json_response({}, status=201)

        book = Ledger(path, "run-", ROUTES)
        async with http_server(looking) as endpoint, open_http(endpoint, timeout=1.0) as http:
            await write(book, http, 1)
        assert seen[0].startswith("sent\trun-000001\t")

    asyncio.run(scene())


def test_a_line_that_was_cut_off_counts_as_not_written(tmp_path: Path) -> None:
    path = tmp_path / "writes.tsv"
    path.write_text("sent\ta\t0.1\nacknowledged\ta\t0.2\t201\nsent\tb\t0.3\nackno")
    assert read_ledger(path) == {"a": Fate.ACKNOWLEDGED, "b": Fate.SENT}


def test_two_ledgers_never_share_a_file(tmp_path: Path) -> None:
    Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
    with pytest.raises(ConfigError, match="can't be made: File exists"):
        Ledger(tmp_path / "writes.tsv", "run-", ROUTES)


def test_reading_back_from_a_system_that_is_down_is_a_sentence() -> None:
    async def scene() -> None:
        async def down(request: web.Request) -> web.StreamResponse:
            return web.json_response({}, status=503)

        async with http_server(down) as endpoint, open_http(endpoint, timeout=1.0) as http:
            with pytest.raises(Unreachable, match=r"can't be read back: .* answered HTTP 503"):
                await read_back(http, ROUTES, "run-", ["run-000001"])

    asyncio.run(scene())


def test_a_listing_that_never_moves_on_is_not_followed_for_ever() -> None:
    async def scene() -> None:
        async def stuck(request: web.Request) -> web.StreamResponse:
            return web.json_response({"items": [], "next": "same"})

        async with http_server(stuck) as endpoint, open_http(endpoint, timeout=1.0) as http:
            with pytest.raises(Unreachable, match="does not move on"):
                await read_back(http, ROUTES, "run-", [])

    asyncio.run(scene())


def test_names_are_escaped_in_a_path_and_plain_in_a_body() -> None:
    assert filled(READ, key="a/b c").path == "/orders/a%2Fb%20c"
    assert filled(WRITE, key="a/b", body="x").json == {"key": "a/b", "body": "x"}


def test_the_ledger_notes_thousands_of_writes_per_second(tmp_path: Path) -> None:
    """500 acknowledged writes per second must cost little beside the writes themselves."""
    book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
    begun = time.perf_counter()
    for n in range(5000):
        book.note(Fate.SENT, f"run-{n:06d}", 0.0)
        book.note(Fate.ACKNOWLEDGED, f"run-{n:06d}", 0.0, "201")
    assert time.perf_counter() - begun < 2.0
    assert len(read_ledger(book.path)) == 5000
