"""The run's own certificate authority."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from drillbook.sandbox.certificates import Authority, Issued


def served(authority: Authority, issued: Issued, name: str) -> None:
    """Shake hands as a strict client would; raises SSLError when it doesn't believe the server."""
    client = ssl.create_default_context(cadata=authority.pem.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(issued.certificate + issued.key)
        file.flush()
        server.load_cert_chain(file.name)
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(theirs, ours, server_hostname=name)
    other = server.wrap_bio(ours, theirs, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_a_strict_client_believes_names_and_addresses() -> None:
    authority = Authority("tests")
    issued = authority.issue(["shop.example", "127.64.0.1"])
    served(authority, issued, "shop.example")
    served(authority, issued, "127.64.0.1")


def test_nobody_believes_another_run_s_authority_or_another_name() -> None:
    authority = Authority("tests")
    issued = Authority("others").issue(["shop.example"])
    for name, certificate in (("shop.example", issued), ("other.example", authority.issue(["shop.example"]))):
        try:
            served(authority, certificate, name)
        except ssl.SSLCertVerificationError:
            continue
        raise AssertionError(f"{name} was believed")


def test_a_server_s_certificate_holds_for_ninety_days() -> None:
    issued = Authority("tests").issue(["shop.example"])
    certificate = x509.load_pem_x509_certificate(issued.certificate)
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)
    key = serialization.load_pem_private_key(issued.key, None)
    assert key.public_key() == certificate.public_key()


def test_keys_show_in_no_representation() -> None:
    assert "PRIVATE" not in repr(Authority("tests").issue(["shop.example"]))
