"""The Secret of a Certificate: what is in it, and what its annotations say about it."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from drillbook.sandbox.certmanager import signing
from drillbook.sandbox.certmanager.wish import GROUP, IssuerRef
from drillbook.sandbox.kinds import Object

CERTIFICATE_NAME: Final = f"{GROUP}/certificate-name"
ISSUER_NAME: Final = f"{GROUP}/issuer-name"
ISSUER_KIND: Final = f"{GROUP}/issuer-kind"
ISSUER_GROUP: Final = f"{GROUP}/issuer-group"
OURS: Final = "controller.cert-manager.io/fao"
"""Label of every Secret that cert-manager looks after."""
NEXT_KEY: Final = f"{GROUP}/next-private-key"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate (chain) and its key, PEM; empty where the Secret has none."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(...)"


def pair_of(secret: Object) -> Pair:
    """What the Secret holds."""
    data = secret.get("data") or {}
    return Pair(decoded(data.get("tls.crt", "")), decoded(data.get("tls.key", "")))


def decoded(text: str) -> bytes:
    """Base64 to bytes; nothing for what is no base64."""
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def issuer_of(secret: Object) -> IssuerRef | None:
    """Who issued the certificate, as the annotations say; None when they say nothing."""
    annotations = secret["metadata"].get("annotations") or {}
    if not any(name in annotations for name in (ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP)):
        return None
    kind, group = annotations.get(ISSUER_KIND), annotations.get(ISSUER_GROUP)
    return IssuerRef(annotations.get(ISSUER_NAME, ""), kind or "Issuer", group or GROUP)


def annotations_of(certificate: Object, pem: bytes) -> dict[str, str]:
    """What the Secret's annotations say: what is in the certificate, for which Certificate, by whom."""
    details: dict[str, str] = {}
    if (found := signing.read(pem)) is not None:
        names = signing.names_of(found)
        details = {
            f"{GROUP}/common-name": names.common_name,
            f"{GROUP}/alt-names": _listed(names.dns),
            f"{GROUP}/ip-sans": _listed(names.addresses),
            f"{GROUP}/uri-sans": _listed(names.uris),
        }
        if names.emails:
            details[f"{GROUP}/email-sans"] = _listed(names.emails)
        if names.organizations:
            details[f"{GROUP}/subject-organizations"] = _listed(names.organizations)
    reference = certificate["spec"]["issuerRef"]
    template = (certificate["spec"].get("secretTemplate") or {}).get("annotations") or {}
    return (
        template
        | details
        | {
            CERTIFICATE_NAME: certificate["metadata"]["name"],
            ISSUER_NAME: reference["name"],
            ISSUER_KIND: reference.get("kind") or "",
            ISSUER_GROUP: reference.get("group") or "",
        }
    )


def labels_of(certificate: Object) -> dict[str, str]:
    """The Secret's labels."""
    return ((certificate["spec"].get("secretTemplate") or {}).get("labels") or {}) | {OURS: "true"}


def _listed(values: Iterable[str]) -> str:
    """Separated by commas; one with a comma in it is quoted."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(list(values))
    return out.getvalue()
