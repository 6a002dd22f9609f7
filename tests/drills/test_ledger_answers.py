"""What a system may answer when its writes are read back, and isn't what was promised: a sentence, never a crash."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.clients.http import Answer, Request, open_http
from drillbook.drills.ledger import Ledger, _document, _item, read_back, read_tally
from drillbook.errors import Unreachable
from drillbook.model.policy import WriteRoutes
from tests.clients.servers import http_server
from tests.drills.test_ledger import READ, ROUTES, WRITE

NO_OBJECT = "/orders.* answered no JSON object"
WRONG = {
    "a page of HTML": (b"<html>all is well</html>", NO_OBJECT),
    "nothing": (b"", NO_OBJECT),
    "half a document": (b'{"items": [{"key": "run-', NO_OBJECT),
    "a list": (b"[]", NO_OBJECT),
    "null": (b"null", NO_OBJECT),
    "no text": (b"\xff\xfe\x00", NO_OBJECT),
    "a document that never ends": (b"[" * 200_000, NO_OBJECT),
}
PAGES = {
    "no items": (b"{}", "answered without a list of items"),
    "items that are none": (b'{"items": 5}', "answered without a list of items"),
    "an item that is none": (b'{"items": ["run-1"]}', "answered an item without key and body"),
    "an item without a body": (b'{"items": [{"key": "run-1"}]}', "answered an item without key and body"),
    "copies that are no number": (b'{"items": [{"key": "a", "body": "b", "copies": "many"}]}', "copies are no number"),
    "fewer copies than none": (b'{"items": [{"key": "a", "body": "b", "copies": -1}]}', "copies are no number"),
}


def asked(body: bytes, routes: WriteRoutes) -> None:
    """Read back from a system that says to everything that it is JSON, and means ``body``."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    async def scene() -> None:
        async with http_server(answer) as endpoint, open_http(endpoint, timeout=2.0) as http:
            await read_back(http, routes, "run-", ["run-000001"])

    asyncio.run(scene())


@pytest.mark.parametrize(("body", "words"), {**WRONG, **PAGES}.values(), ids=[*WRONG, *PAGES])
def test_a_listing_that_is_none_is_a_sentence(body: bytes, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        asked(body, ROUTES)


@pytest.mark.parametrize(("body", "words"), WRONG.values(), ids=list(WRONG))
def test_an_order_that_is_none_is_a_sentence(body: bytes, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        asked(body, WriteRoutes(WRITE, READ))


def test_a_system_that_comes_to_its_senses_is_asked_again_and_one_that_does_not_is_no_tally(tmp_path: Path) -> None:
    """Nothing that was read back is nothing that was judged: neither lost nor kept."""
    answers = [b"<html>starting</html>"]

    async def answer(request: web.Request) -> web.StreamResponse:
        body = answers.pop() if answers else b'{"items": []}'
        return web.Response(body=body, content_type="application/json")

    async def html(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"<html>", content_type="application/json")

    async def scene() -> None:
        book = Ledger(tmp_path / "writes.tsv", "run-", ROUTES)
        async with book.flushing():
            async with http_server(answer) as endpoint, open_http(endpoint, timeout=2.0) as http:
                assert (await read_tally(http, book, 5.0)).lost == 0
            assert not answers
            async with http_server(html) as endpoint, open_http(endpoint, timeout=2.0) as http:
                with pytest.raises(Unreachable, match="no JSON object"):
                    await read_tally(http, book, 0.2)

    asyncio.run(scene())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps))
def test_whatever_is_answered_is_a_document_or_a_sentence(said: bytes | str) -> None:
    body = said if isinstance(said, bytes) else said.encode()
    answer = Answer(Request("GET", "/orders/1"), 0.0, 0.0, 0.0, 200, body=body)
    with contextlib.suppress(Unreachable):
        _item(_document(answer), answer)
