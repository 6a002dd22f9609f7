"""A certificate's Secret: what stands in it, and what happens when somebody changes or deletes it."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography import x509

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.kinds import CERTIFICATE, EVENT, SECRET
from tests.sandbox.certmanager.certs import (
    HOSTS,
    dns_names,
    issued,
    key_bytes,
    public_of_certificate,
    public_of_key,
    requests,
    secret,
    status,
    want,
)
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of


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


def test_a_deleted_secret_comes_back_with_another_certificate(stage: Stage) -> None:
    want(stage)
    first, first_key = issued(stage), key_bytes(stage)
    stage.store.remove(SECRET, NAMESPACE, "shop-tls")
    stage.settle()
    assert issued(stage).serial_number != first.serial_number
    assert key_bytes(stage) != first_key
    assert "Issuing certificate as Secret does not exist" in stage.said("Issuing")
    assert status(stage)["revision"] == 2


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


def test_of_two_certificates_with_one_secret_only_one_issues(stage: Stage) -> None:
    want(stage)
    want(stage, name="zweite", dnsNames=["other.example"])
    stage.advance(600)
    assert sorted(dns_names(issued(stage))) == sorted(HOSTS)
    assert condition_of(stage.get(CERTIFICATE, "zweite"), "Ready") == ("False", "IncorrectCertificate")
    assert status(stage)["revision"] == 1


def test_nothing_of_a_key_is_in_events_or_statuses(stage: Stage) -> None:
    want(stage)
    shown = json.dumps([stage.get(CERTIFICATE, "shop"), *requests(stage), *stage.store.list(EVENT)])
    assert "PRIVATE KEY" not in shown
    assert secret(stage)["data"]["tls.key"] not in shown
