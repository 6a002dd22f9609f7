"""TLS as a client sees it: what is presented to somebody who asks for a name, and whether it is trusted."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drillbook.clients.reach import Endpoint
from drillbook.clients.wording import cause_of
from drillbook.errors import Unreachable

if TYPE_CHECKING:
    from cryptography import x509

_HAS_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a chain."""

    subject: str
    issuer: str
    serial: str
    """Hexadecimal, as OpenSSL prints it."""
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a server presented, and what a verifying client made of it."""

    presented: tuple[Certificate, ...]
    """The whole chain as sent, leaf first."""
    relied_on: tuple[Certificate, ...]
    """Those of it that the verified path uses; all of them where verification failed."""
    trusted: bool
    expired: bool
    """Verification failed, and because something in the chain has expired."""
    problem: str
    """Why it isn't trusted, in OpenSSL's words."""


def trusting(ca: Path | None) -> ssl.SSLContext:
    """A verifying client's settings: the system's authorities, and those in ``ca`` beside them."""
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context


async def handshake(endpoint: Endpoint, *, ca: Path | None = None, timeout: float = 10.0) -> Handshake:
    """Two handshakes at once, both asking for the endpoint's host: one verifies, one takes whatever comes.

    Raises Unreachable when there is no TLS to be had.
    """
    accepting = ssl.create_default_context()
    accepting.check_hostname = False
    accepting.verify_mode = ssl.CERT_NONE
    verified, served = await asyncio.gather(
        _connect(endpoint, trusting(ca), timeout), _connect(endpoint, accepting, timeout)
    )
    if isinstance(served, ssl.SSLCertVerificationError):
        raise Unreachable(f"no TLS handshake with {endpoint}: {served.verify_message}")
    presented = [bytes(der) for der in served["unverified"]]
    if isinstance(verified, ssl.SSLCertVerificationError):
        chain = tuple(_certificate(der) for der in presented)
        return Handshake(chain, chain, False, verified.verify_code == _HAS_EXPIRED, verified.verify_message)
    # A superfluous certificate in the chain (an expired cross-signed root) troubles no client: only the path counts.
    used = set(verified["verified"])
    relied = tuple(_certificate(der) for der in presented if der in used)
    return Handshake(tuple(_certificate(der) for der in presented), relied, True, False, "")


async def _connect(
    endpoint: Endpoint, context: ssl.SSLContext, timeout: float
) -> dict[str, list[bytes]] | ssl.SSLCertVerificationError:
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(
                endpoint.address, endpoint.port, ssl=context, server_hostname=endpoint.host
            )
    except ssl.SSLCertVerificationError as error:
        return error
    except TimeoutError as error:
        raise Unreachable(f"no TLS handshake with {endpoint} within {timeout:g} s") from error
    except ssl.SSLError as error:
        raise Unreachable(f"no TLS handshake with {endpoint}: {error.reason or error}") from error
    except OSError as error:
        raise Unreachable(f"no TLS handshake with {endpoint}: {cause_of(error)}") from error
    try:
        return _chains(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()


def _chains(connection: ssl.SSLObject) -> dict[str, list[bytes]]:
    """Both chains in DER. Public methods since Python 3.13; 3.12 has them one level down."""
    if hasattr(connection, "get_unverified_chain"):
        public: Any = connection
        return {"unverified": list(public.get_unverified_chain()), "verified": list(public.get_verified_chain())}
    inner: Any = connection._sslobj  # type: ignore[attr-defined]
    encoding = 2  # _ssl.ENCODING_DER
    return {
        "unverified": [certificate.public_bytes(encoding) for certificate in inner.get_unverified_chain() or ()],
        "verified": [certificate.public_bytes(encoding) for certificate in inner.get_verified_chain() or ()],
    }


def certificates_in(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file, as they stand there. Raises ValueError where there is none to be read."""
    from cryptography import x509

    return tuple(_described(found) for found in x509.load_pem_x509_certificates(pem))


def _certificate(der: bytes) -> Certificate:
    from cryptography import x509

    return _described(x509.load_der_x509_certificate(der))


def _described(found: x509.Certificate) -> Certificate:
    from cryptography import x509

    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        shown = tuple(str(name.value) for name in names)
    except x509.ExtensionNotFound:
        shown = ()
    return Certificate(
        found.subject.rfc4514_string(),
        found.issuer.rfc4514_string(),
        f"{found.serial_number:X}",
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        shown,
    )
