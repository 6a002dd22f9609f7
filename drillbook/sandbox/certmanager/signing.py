"""Requests for certificates, and certificates made from them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.certmanager.keys import Key
from drillbook.sandbox.certmanager.wish import Names

_KEY_USAGES: Final = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_EXTENDED_USAGES: Final = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": ObjectIdentifier("2.16.840.1.113730.4.1"),
}
USAGES: Final = (*_KEY_USAGES, *_EXTENDED_USAGES)


def request(names: Names, key: Key) -> bytes:
    """A signing request for these names, PEM."""
    alternatives = _alternatives(names)
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(names))
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not _has_subject(names))
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(Encoding.PEM)


def sign(
    authority: Authority, pem: bytes, *, lifetime: timedelta, usages: Iterable[str], is_ca: bool, now: datetime
) -> bytes:
    """The certificate that the authority gives for a request, PEM. ValueError when the request can't be read."""
    asked = x509.load_pem_x509_csr(pem)
    if not asked.is_signature_valid:
        raise ValueError("the signing request's signature is not that of its key")
    names, start = names_of(asked), now.replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(asked.public_key()), critical=False)
    )
    wanted = {_KEY_USAGES[usage] for usage in usages if usage in _KEY_USAGES}
    if is_ca:
        wanted.add("key_cert_sign")
    if wanted:
        flags = dict.fromkeys(_KEY_USAGES.values(), False) | dict.fromkeys(wanted, True)
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    extended = list(dict.fromkeys(_EXTENDED_USAGES[usage] for usage in usages if usage in _EXTENDED_USAGES))
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    alternatives = _alternatives(names)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not _has_subject(names))
    return authority.sign(builder)


def names_of(found: x509.Certificate | x509.CertificateSigningRequest) -> Names:
    """For whom a certificate or a request is."""
    try:
        san = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        san = x509.SubjectAlternativeName([])

    def subject(oid: ObjectIdentifier) -> tuple[str, ...]:
        return tuple(str(attribute.value) for attribute in found.subject.get_attributes_for_oid(oid))

    return Names(
        common_name=next(iter(subject(NameOID.COMMON_NAME)), ""),
        dns=tuple(san.get_values_for_type(x509.DNSName)),
        addresses=tuple(str(address) for address in san.get_values_for_type(x509.IPAddress)),
        uris=tuple(san.get_values_for_type(x509.UniformResourceIdentifier)),
        emails=tuple(san.get_values_for_type(x509.RFC822Name)),
        organizations=subject(NameOID.ORGANIZATION_NAME),
    )


def public_of(found: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """Its public key, as ``keys.public`` gives it."""
    return found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def read(pem: bytes) -> x509.Certificate | None:
    """The first certificate of a PEM, or None when there is none."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        return None


def read_request(pem: bytes) -> x509.CertificateSigningRequest | None:
    """The request in a PEM, or None when there is none."""
    try:
        return x509.load_pem_x509_csr(pem)
    except ValueError:
        return None


def _has_subject(names: Names) -> bool:
    return bool(names.common_name or names.organizations)


def _subject(names: Names) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in names.organizations]
    if names.common_name:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, names.common_name))
    return x509.Name(attributes)


def _alternatives(names: Names) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in names.dns),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in names.addresses),
        *(x509.UniformResourceIdentifier(uri) for uri in names.uris),
        *(x509.RFC822Name(email) for email in names.emails),
    ]
