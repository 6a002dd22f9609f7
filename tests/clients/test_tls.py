"""TLS handshakes: what is served, whether a client trusts it, and why not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from drillbook.clients.reach import Endpoint
from drillbook.clients.tls import Handshake, handshake
from drillbook.errors import Unreachable
from tests.clients.conftest import Authority
from tests.clients.servers import HOST, closed_port, http_server, silent_server


async def hello(_: web.Request) -> web.Response:
    return web.Response()


def shake(certificate: trustme.LeafCert, ca: Path | None, *, also_sent: bytes = b"") -> Handshake:
    async def run() -> Handshake:
        async with http_server(hello, certificate, also_sent=also_sent) as endpoint:
            return await handshake(endpoint, ca=ca, timeout=3)

    return asyncio.run(run())


def test_a_good_chain_is_trusted_and_its_expiry_known(authority: Authority) -> None:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)
    seen = shake(authority.ca.issue_cert(HOST, not_after=expires), authority.file)
    assert seen.trusted
    assert not seen.expired
    assert seen.presented[0].names == (HOST,)
    assert seen.presented[0].not_after == expires
    assert seen.relied_on[0] == seen.presented[0]


def test_an_expired_certificate_is_told_apart_from_other_mistrust(authority: Authority) -> None:
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    seen = shake(authority.ca.issue_cert(HOST, not_after=yesterday), authority.file)
    assert not seen.trusted
    assert seen.expired
    assert seen.presented[0].not_after == yesterday


def test_a_certificate_for_another_name_is_a_problem_and_not_an_expiry(authority: Authority) -> None:
    seen = shake(authority.ca.issue_cert("elsewhere.example"), authority.file)
    assert not seen.trusted
    assert not seen.expired
    assert HOST in seen.problem


def test_an_unknown_authority_is_a_problem_and_the_facts_are_still_there() -> None:
    seen = shake(trustme.CA().issue_cert(HOST), None)
    assert not seen.trusted
    assert not seen.expired
    assert seen.presented[0].names == (HOST,)


def test_the_whole_chain_is_read_and_an_intermediate_counts(authority: Authority) -> None:
    seen = shake(authority.ca.create_child_ca().issue_cert(HOST), authority.file)
    assert seen.trusted
    assert len(seen.presented) >= 2
    assert set(seen.relied_on) <= set(seen.presented)
    assert len(seen.relied_on) >= 2


def test_a_superfluous_expired_certificate_in_the_chain_troubles_nobody(authority: Authority) -> None:
    """Servers keep sending cross-signed roots after those have expired; clients build another path."""
    old = trustme.CA(organization_name="an old root")
    stale = old.issue_cert("old.example", not_after=datetime.now(UTC) - timedelta(days=400))
    seen = shake(authority.ca.issue_cert(HOST), authority.file, also_sent=stale.cert_chain_pems[0].bytes())
    assert seen.trusted
    assert len(seen.presented) > len(seen.relied_on)
    assert all(found.not_after > datetime.now(UTC) for found in seen.relied_on)


def test_a_server_without_tls_is_unreachable_with_a_sentence() -> None:
    async def run() -> None:
        async with http_server(hello) as endpoint:
            await handshake(endpoint, timeout=3)

    with pytest.raises(Unreachable, match=r"no TLS handshake with api\.test\.example at 127\.0\.0\.1"):
        asyncio.run(run())


def test_a_server_that_never_answers_costs_its_time_out() -> None:
    async def run() -> None:
        async with silent_server() as endpoint:
            await handshake(endpoint, timeout=0.3)

    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        asyncio.run(run())


def test_a_closed_port_is_unreachable_with_a_sentence() -> None:
    with pytest.raises(Unreachable, match="no TLS handshake"):
        asyncio.run(handshake(Endpoint("127.0.0.1", closed_port(), HOST, True, "nobody")))
