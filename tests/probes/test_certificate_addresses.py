"""One name, several addresses: a certificate that was renewed at all of them but one is not renewed."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from drillbook.clients.reach import Endpoint, every_address
from drillbook.errors import Unreachable
from drillbook.probes.certificates import served_at
from tests.clients.servers import HOST, http_server
from tests.clients.test_tls import hello

FRESH, STALE, SILENT = "127.0.0.1", "127.0.0.2", "127.0.0.3"


def known_at(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Name resolution on this machine knows HOST at these addresses."""

    async def getaddrinfo(_: Any, host: str, port: int, **__: Any) -> list[Any]:
        assert host == HOST
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


def test_the_stale_one_of_two_addresses_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The wrong way, one connection to the name, would see months at the first address."""
    ca, now = trustme.CA(), datetime.now(UTC).replace(microsecond=0)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    fresh, stale = (ca.issue_cert(HOST, not_after=now + timedelta(days=days)) for days in (90, 2))

    async def run() -> list[datetime]:
        async with (
            http_server(hello, fresh, address=FRESH) as endpoint,
            http_server(hello, stale, address=STALE, port=endpoint.port),
        ):
            known_at(monkeypatch, FRESH, STALE, SILENT)
            served = await served_at(replace(endpoint, address=HOST), tmp_path / "ca.pem")
            monkeypatch.undo()
            return [shake.presented[0].not_after for _, shake in served]

    assert asyncio.run(run()) == [now + timedelta(days=90), now + timedelta(days=2)]


def test_where_no_address_answers_it_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    known_at(monkeypatch, SILENT)
    with pytest.raises(Unreachable, match=SILENT):
        asyncio.run(served_at(Endpoint(HOST, 1, HOST, True, "a test"), None))


def test_a_name_that_nobody_knows_is_a_sentence() -> None:
    endpoint = Endpoint("nobody.invalid", 443, "nobody.invalid", True, "a test")
    with pytest.raises(Unreachable, match=r"no address is known for nobody\.invalid"):
        asyncio.run(every_address(endpoint))
