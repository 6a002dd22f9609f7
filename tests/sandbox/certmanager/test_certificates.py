"""Certificates: issued, renewed in time, and what happens when nobody issues."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.certmanager.conditions import with_one
from drillbook.sandbox.controllers.pods import moment
from drillbook.sandbox.kinds import CERTIFICATE, CERTIFICATE_REQUEST, CLUSTER_ISSUER, ISSUER
from tests.sandbox.certmanager.certs import (
    DAY,
    HOSTS,
    HOUR,
    dns_names,
    issued,
    key_bytes,
    public_of_certificate,
    public_of_key,
    renew_by_hand,
    requests,
    secret,
    secret_names,
    status,
    want,
)
from tests.sandbox.controllers.stage import Stage, condition_of


def test_a_certificate_is_issued_into_its_secret(stage: Stage, authority: Authority) -> None:
    want(stage)
    found = issued(stage)
    assert sorted(dns_names(found)) == sorted(HOSTS)
    assert public_of_certificate(found) == public_of_key(key_bytes(stage))
    ca = x509.load_pem_x509_certificate(authority.pem)
    found.verify_directly_issued_by(ca)
    made = secret(stage)
    assert made["type"] == "kubernetes.io/tls"
    assert base64.b64decode(made["data"]["ca.crt"]) == authority.pem
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Issuing") is None
    assert status(stage)["revision"] == 1


def test_it_lasts_ninety_days_and_is_renewed_after_sixty_unless_told_otherwise(stage: Stage) -> None:
    want(stage)
    found = status(stage)
    start, end, renewal = (moment(found[field]) for field in ("notBefore", "notAfter", "renewalTime"))
    assert end - start == timedelta(days=90)
    assert renewal - start == timedelta(days=60)
    assert issued(stage).not_valid_after_utc == end


def test_duration_and_renew_before_are_kept(stage: Stage) -> None:
    want(stage, duration="24h", renewBefore="1h30m")
    found = status(stage)
    assert moment(found["notAfter"]) - moment(found["notBefore"]) == timedelta(days=1)
    assert moment(found["notAfter"]) - moment(found["renewalTime"]) == timedelta(minutes=90)


def test_it_is_renewed_when_its_time_has_come_and_not_before(stage: Stage) -> None:
    want(stage, duration="24h", renewBefore="8h")
    first = issued(stage)
    stage.advance(16 * HOUR - 2)
    assert issued(stage).serial_number == first.serial_number
    stage.advance(4)
    second = issued(stage)
    assert second.serial_number != first.serial_number
    assert second.not_valid_after_utc > first.not_valid_after_utc
    assert status(stage)["revision"] == 2
    assert any(text.startswith("Renewing certificate as renewal was scheduled at") for text in stage.said("Issuing"))


def test_it_never_expires_while_somebody_renews_it(stage: Stage) -> None:
    want(stage)
    for _ in range(20):
        stage.advance(30 * DAY)
        assert issued(stage).not_valid_after_utc > stage.clock.now()
        assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")
    assert status(stage)["revision"] == 11


def test_each_issuance_leaves_one_request_and_no_temporary_key(stage: Stage) -> None:
    want(stage)
    renew_by_hand(stage)
    renew_by_hand(stage)
    assert [request["metadata"]["name"] for request in requests(stage)] == ["shop-3"]
    assert secret_names(stage) == ["shop-tls"]
    assert "nextPrivateKeySecretName" not in status(stage)


def test_more_requests_are_kept_when_asked(stage: Stage) -> None:
    want(stage, revisionHistoryLimit=2)
    renew_by_hand(stage)
    renew_by_hand(stage)
    assert [request["metadata"]["name"] for request in requests(stage)] == ["shop-2", "shop-3"]


def test_the_steps_are_told_as_events(stage: Stage) -> None:
    want(stage)
    assert stage.said("Requested") == ['Created new CertificateRequest resource "shop-1"']
    assert stage.said("Generated")[0].startswith("Stored new private key in temporary Secret resource")
    assert "The certificate has been successfully issued" in stage.said("Issuing")
    assert "CertificateIssued" in stage.reasons()


@pytest.mark.parametrize(
    ("wanted", "kind", "head"),
    [
        ({}, rsa.RSAPrivateKey, b"-----BEGIN RSA PRIVATE KEY-----"),
        ({"encoding": "PKCS8", "size": 3072}, rsa.RSAPrivateKey, b"-----BEGIN PRIVATE KEY-----"),
        ({"algorithm": "ECDSA"}, ec.EllipticCurvePrivateKey, b"-----BEGIN EC PRIVATE KEY-----"),
        ({"algorithm": "Ed25519"}, ed25519.Ed25519PrivateKey, b"-----BEGIN PRIVATE KEY-----"),
    ],
)
def test_the_key_is_of_the_kind_asked_for(stage: Stage, wanted: dict[str, Any], kind: type, head: bytes) -> None:
    want(stage, privateKey=wanted)
    pem = key_bytes(stage)
    assert pem.startswith(head)
    found = load_pem_private_key(pem, None)
    assert isinstance(found, kind)
    if isinstance(found, rsa.RSAPrivateKey):
        assert found.key_size == wanted.get("size", 2048)


def test_usages_and_authority_are_in_the_certificate(stage: Stage) -> None:
    want(stage, usages=["server auth", "client auth", "digital signature"], isCA=True)
    extensions = issued(stage).extensions
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(extended) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_without_its_issuer_a_certificate_waits_and_is_not_ready(stage: Stage) -> None:
    want(stage, issuerRef={"name": "own"})
    certificate = stage.get(CERTIFICATE, "shop")
    assert condition_of(certificate, "Ready") == ("False", "DoesNotExist")
    assert condition_of(certificate, "Issuing") == ("True", "DoesNotExist")
    [request] = requests(stage)
    ready = next(found for found in request["status"]["conditions"] if found["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Pending")
    assert ready["message"] == 'Referenced "Issuer" not found: issuer.cert-manager.io "own" not found'
    stage.create(ISSUER, "own", spec={"selfSigned": {}})
    stage.settle()
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")


def test_a_denied_request_fails_and_is_tried_again_an_hour_later(stage: Stage) -> None:
    want(stage, issuerRef={"name": "own"})
    name = requests(stage)[0]["metadata"]["name"]
    now = stage.clock.now()

    def deny(draft: Any) -> None:
        kept = [found for found in draft["status"]["conditions"] if found["type"] == "Ready"]
        draft["status"]["conditions"] = kept
        draft["status"]["conditions"] = with_one(draft, "Denied", "True", "Policy", "no", now, generation=False)

    stage.change(CERTIFICATE_REQUEST, name, deny)
    stage.settle()
    found = status(stage)
    assert found["failedIssuanceAttempts"] == 1
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Issuing") == ("False", "Denied")
    stage.create(ISSUER, "own", spec={"selfSigned": {}})
    stage.advance(HOUR - 5)
    assert "revision" not in status(stage)
    stage.advance(10)
    assert status(stage)["revision"] == 1
    assert "failedIssuanceAttempts" not in status(stage)


def test_a_certificate_that_nobody_renews_is_not_ready_after_its_end(stage: Stage) -> None:
    want(stage, duration="24h", renewBefore="1h")
    stage.store.remove(CLUSTER_ISSUER, "", "letsencrypt")
    stage.advance(25 * HOUR)
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("False", "Expired")
    assert issued(stage).not_valid_after_utc < stage.clock.now()
    stage.create(CLUSTER_ISSUER, "letsencrypt", spec={"acme": {"server": "https://acme.example"}})
    stage.settle()
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")
