"""What the tests of cert-manager ask for and look at."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from drillbook.sandbox.certmanager.conditions import with_one
from drillbook.sandbox.kinds import CERTIFICATE, CERTIFICATE_REQUEST, SECRET, Object
from tests.sandbox.controllers.stage import NAMESPACE, Stage

HOUR = 3600.0
DAY = 24 * HOUR
HOSTS = ["shop.example", "www.shop.example"]
SMALL = {"algorithm": "ECDSA"}
"""Tests ask for keys that are made at once."""


def want(stage: Stage, name: str = "shop", **spec: Any) -> None:
    """A Certificate, settled."""
    body: dict[str, Any] = {
        "secretName": "shop-tls",
        "dnsNames": HOSTS,
        "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"},
        "privateKey": SMALL,
    }
    wanted = {field: value for field, value in (body | spec).items() if value is not None}
    stage.create(CERTIFICATE, name, spec=wanted)
    stage.settle()


def secret(stage: Stage, name: str = "shop-tls") -> Object:
    return stage.get(SECRET, name)


def issued(stage: Stage, name: str = "shop-tls") -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(secret(stage, name)["data"]["tls.crt"]))


def key_bytes(stage: Stage, name: str = "shop-tls") -> bytes:
    return base64.b64decode(secret(stage, name)["data"]["tls.key"])


def public_of_key(pem: bytes) -> bytes:
    found = load_pem_private_key(pem, None)
    return found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_of_certificate(found: x509.Certificate) -> bytes:
    return found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def dns_names(found: x509.Certificate) -> list[str]:
    return found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def status(stage: Stage, name: str = "shop") -> Object:
    return dict(stage.get(CERTIFICATE, name)["status"])


def requests(stage: Stage) -> list[Object]:
    return stage.store.list(CERTIFICATE_REQUEST, NAMESPACE)


def secret_names(stage: Stage) -> list[str]:
    return [found["metadata"]["name"] for found in stage.store.list(SECRET, NAMESPACE)]


def renew_by_hand(stage: Stage, name: str = "shop") -> None:
    """What ``cmctl renew`` does."""
    now = stage.clock.now()

    def mark(draft: Any) -> None:
        text = "Certificate re-issuance manually triggered"
        draft["status"]["conditions"] = with_one(draft, "Issuing", "True", "ManuallyTriggered", text, now)

    stage.change(CERTIFICATE, name, mark)
    stage.settle()
