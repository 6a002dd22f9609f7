"""Certificates: issued into their Secret, renewed in time, issued again when it is gone or doesn't fit."""

from __future__ import annotations

import base64
import json
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
from drillbook.sandbox.kinds import CERTIFICATE, CERTIFICATE_REQUEST, CLUSTER_ISSUER, EVENT, ISSUER, SECRET
from tests.sandbox.certmanager.certs import (
    DAY,
    HOSTS,
    HOUR,
    dns_names,
    issued,
    key_bytes,
    public_of_certificate,
    public_of_key,
    requests,
    secret,
    secret_names,
    status,
    want,
)
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of


def renew_by_hand(stage: Stage, name: str = "shop") -> None:
    """What ``cmctl renew`` does."""
    now = stage.clock.now()

    def mark(draft: Any) -> None:
        text = "Certificate re-issuance manually triggered"
        draft["status"]["conditions"] = with_one(draft, "Issuing", "True", "ManuallyTriggered", text, now)

    stage.change(CERTIFICATE, name, mark)
    stage.settle()


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


def test_the_secrets_annotations_say_what_is_in_it_and_who_issued_it(stage: Stage) -> None:
    want(stage, commonName="shop.example", ipAddresses=["10.0.0.1"])
    assert secret(stage)["metadata"]["annotations"] == {
        "cert-manager.io/alt-names": "shop.example,www.shop.example",
        "cert-manager.io/certificate-name": "shop",
        "cert-manager.io/common-name": "shop.example",
        "cert-manager.io/ip-sans": "10.0.0.1",
        "cert-manager.io/issuer-group": "",
        "cert-manager.io/issuer-kind": "ClusterIssuer",
        "cert-manager.io/issuer-name": "letsencrypt",
        "cert-manager.io/uri-sans": "",
    }
    assert secret(stage)["metadata"]["labels"] == {"controller.cert-manager.io/fao": "true"}


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


def test_a_deleted_secret_comes_back_with_another_certificate(stage: Stage) -> None:
    want(stage)
    first, first_key = issued(stage), key_bytes(stage)
    stage.store.remove(SECRET, NAMESPACE, "shop-tls")
    stage.settle()
    assert issued(stage).serial_number != first.serial_number
    assert key_bytes(stage) != first_key
    assert "Issuing certificate as Secret does not exist" in stage.said("Issuing")
    assert status(stage)["revision"] == 2


def test_the_condition_issuing_renews_at_once(stage: Stage) -> None:
    want(stage)
    first = issued(stage)
    renew_by_hand(stage)
    assert issued(stage).serial_number != first.serial_number
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Issuing") is None
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")


@pytest.mark.parametrize(
    "annotation",
    [
        "cert-manager.io/issue-temporary-certificate",
        "cert-manager.io/renew",
        "cert-manager.io/force-renew",
        "cert-manager.io/renew-before",
    ],
)
def test_no_annotation_renews(stage: Stage, annotation: str) -> None:
    want(stage)
    first = issued(stage)
    stage.change(CERTIFICATE, "shop", lambda draft: draft["metadata"].update(annotations={annotation: "true"}))
    stage.advance(DAY)
    assert issued(stage).serial_number == first.serial_number
    assert status(stage)["revision"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dnsNames": ["other.example"]}, "spec.dnsNames"),
        ({"commonName": "shop.example"}, "spec.commonName"),
        ({"duration": "48h"}, "spec.duration"),
        ({"usages": ["server auth"]}, "spec.usages"),
        ({"issuerRef": {"name": "other", "kind": "ClusterIssuer"}}, "was previously issued by"),
        ({"privateKey": {"algorithm": "Ed25519"}}, "spec.privateKey.algorithm"),
        ({"privateKey": {"algorithm": "ECDSA", "size": 384}}, "spec.privateKey.size"),
    ],
)
def test_a_changed_spec_is_issued_again(stage: Stage, change: dict[str, Any], reason: str) -> None:
    stage.create(CLUSTER_ISSUER, "other", spec={"selfSigned": {}})
    want(stage, duration="24h")
    first = issued(stage)
    stage.change(CERTIFICATE, "shop", lambda draft: draft["spec"].update(change))
    stage.settle()
    assert issued(stage).serial_number != first.serial_number
    assert any(reason in text for text in stage.said("Issuing"))
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")


def test_a_change_that_says_the_same_in_other_words_issues_nothing(stage: Stage) -> None:
    want(stage, duration="24h")
    first = issued(stage)
    reference = {"name": "letsencrypt", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    stage.change(CERTIFICATE, "shop", lambda draft: draft["spec"].update(duration="24h0m0s", issuerRef=reference))
    stage.settle()
    assert issued(stage).serial_number == first.serial_number


def test_a_duration_given_or_taken_away_counts_from_the_next_renewal_on(stage: Stage) -> None:
    want(stage)
    first = issued(stage)
    stage.change(CERTIFICATE, "shop", lambda draft: draft["spec"].update(duration="24h"))
    stage.settle()
    assert issued(stage).serial_number == first.serial_number
    renew_by_hand(stage)
    second = issued(stage)
    assert second.not_valid_after_utc - second.not_valid_before_utc == timedelta(days=1)
    stage.change(CERTIFICATE, "shop", lambda draft: draft["spec"].pop("duration"))
    stage.settle()
    assert issued(stage).serial_number == second.serial_number


def test_renew_before_alone_moves_the_renewal_without_issuing(stage: Stage) -> None:
    want(stage)
    first = issued(stage)
    stage.change(CERTIFICATE, "shop", lambda draft: draft["spec"].update(renewBefore="240h"))
    stage.settle()
    assert issued(stage).serial_number == first.serial_number
    found = status(stage)
    assert moment(found["notAfter"]) - moment(found["renewalTime"]) == timedelta(days=10)


@pytest.mark.parametrize(
    "damage",
    [
        {"tls.crt": base64.b64encode(b"no certificate").decode()},
        {"tls.key": base64.b64encode(b"no key").decode()},
        {"tls.key": ""},
        {"tls.crt": "%%%"},
    ],
)
def test_a_damaged_secret_is_issued_again(stage: Stage, damage: dict[str, str]) -> None:
    want(stage)
    stage.change(SECRET, "shop-tls", lambda draft: draft["data"].update(damage))
    stage.settle()
    assert status(stage)["revision"] == 2
    assert public_of_certificate(issued(stage)) == public_of_key(key_bytes(stage))


def test_a_foreign_pair_in_the_secret_is_replaced(stage: Stage, authority: Authority) -> None:
    want(stage)
    foreign = authority.issue(HOSTS)
    pair = {
        "tls.crt": base64.b64encode(foreign.certificate).decode(),
        "tls.key": base64.b64encode(foreign.key).decode(),
    }
    stage.change(SECRET, "shop-tls", lambda draft: draft["data"].update(pair))
    stage.settle()
    assert issued(stage).serial_number != x509.load_pem_x509_certificate(foreign.certificate).serial_number


def test_other_keys_of_the_secret_stay(stage: Stage) -> None:
    stage.create(SECRET, "shop-tls", data={"note": "a2VlcA=="})
    want(stage)
    assert secret(stage)["data"]["note"] == "a2VlcA=="
    assert "tls.crt" in secret(stage)["data"]


def test_annotations_that_somebody_took_away_come_back_without_a_new_certificate(stage: Stage) -> None:
    want(stage, secretTemplate={"annotations": {"reload": "yes"}, "labels": {"team": "shop"}})
    first = issued(stage)
    stage.change(SECRET, "shop-tls", lambda draft: draft["metadata"].update(annotations={}, labels={}))
    stage.settle()
    meta = secret(stage)["metadata"]
    assert meta["annotations"]["reload"] == "yes"
    assert meta["annotations"]["cert-manager.io/certificate-name"] == "shop"
    assert meta["labels"] == {"team": "shop", "controller.cert-manager.io/fao": "true"}
    assert issued(stage).serial_number == first.serial_number


def test_a_deleted_certificate_leaves_its_secret(stage: Stage) -> None:
    want(stage)
    first = issued(stage)
    stage.store.remove(CERTIFICATE, NAMESPACE, "shop")
    stage.settle()
    assert issued(stage).serial_number == first.serial_number
    assert not requests(stage)


def test_a_certificate_made_again_finds_its_secret_and_issues_nothing(stage: Stage) -> None:
    want(stage)
    first = issued(stage)
    stage.store.remove(CERTIFICATE, NAMESPACE, "shop")
    stage.settle()
    want(stage)
    assert issued(stage).serial_number == first.serial_number
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")


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


def test_rotation_policy_never_keeps_the_key(stage: Stage) -> None:
    want(stage, privateKey={"algorithm": "ECDSA", "rotationPolicy": "Never"})
    pem, first = key_bytes(stage), issued(stage)
    renew_by_hand(stage)
    assert key_bytes(stage) == pem
    assert issued(stage).serial_number != first.serial_number


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


def test_of_two_certificates_with_one_secret_only_one_issues(stage: Stage) -> None:
    want(stage)
    want(stage, name="zweite", dnsNames=["other.example"])
    stage.advance(600)
    assert sorted(dns_names(issued(stage))) == sorted(HOSTS)
    assert condition_of(stage.get(CERTIFICATE, "zweite"), "Ready") == ("False", "IncorrectCertificate")
    assert status(stage)["revision"] == 1


def test_a_certificate_that_nobody_renews_is_not_ready_after_its_end(stage: Stage) -> None:
    want(stage, duration="24h", renewBefore="1h")
    stage.store.remove(CLUSTER_ISSUER, "", "letsencrypt")
    stage.advance(25 * HOUR)
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("False", "Expired")
    assert issued(stage).not_valid_after_utc < stage.clock.now()
    stage.create(CLUSTER_ISSUER, "letsencrypt", spec={"acme": {"server": "https://acme.example"}})
    stage.settle()
    assert condition_of(stage.get(CERTIFICATE, "shop"), "Ready") == ("True", "Ready")


def test_nothing_of_a_key_is_in_events_or_statuses(stage: Stage) -> None:
    want(stage)
    shown = json.dumps([stage.get(CERTIFICATE, "shop"), *requests(stage), *stage.store.list(EVENT)])
    assert "PRIVATE KEY" not in shown
    assert secret(stage)["data"]["tls.key"] not in shown
