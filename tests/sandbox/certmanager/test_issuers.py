"""Issuers say whether they can sign, and that here the run's authority does it for all of them."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.sandbox.kinds import CLUSTER_ISSUER, ISSUER, SECRET
from tests.sandbox.certmanager.certs import issued, secret, want
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"selfSigned": {}}, "IsReady"),
        ({"acme": {"server": "https://acme.example", "email": "ops@shop.example"}}, "ACMEAccountRegistered"),
        ({"vault": {"server": "https://vault.example"}}, "IsReady"),
    ],
)
def test_issuers_are_ready_and_say_who_really_signs(stage: Stage, spec: dict[str, Any], reason: str) -> None:
    stage.create(ISSUER, "own", spec=spec)
    stage.settle()
    issuer = stage.get(ISSUER, "own")
    assert condition_of(issuer, "Ready") == ("True", reason)
    assert "the authority of the run signs for every issuer" in issuer["status"]["conditions"][0]["message"]


def test_an_issuer_without_a_type_is_not_ready(stage: Stage) -> None:
    stage.create(ISSUER, "own", spec={})
    stage.settle()
    assert condition_of(stage.get(ISSUER, "own"), "Ready") == ("False", "ErrInitIssuer")


def test_a_ca_issuer_is_ready_once_its_secret_has_a_pair(stage: Stage) -> None:
    stage.create(ISSUER, "own", spec={"ca": {"secretName": "root"}})
    stage.settle()
    assert condition_of(stage.get(ISSUER, "own"), "Ready") == ("False", "ErrGetKeyPair")
    assert stage.said("ErrGetKeyPair") == ['Error getting keypair for CA issuer: secrets "root" not found']
    want(stage, name="root", secretName="root", isCA=True)
    assert condition_of(stage.get(ISSUER, "own"), "Ready") == ("True", "KeyPairVerified")
    want(stage, issuerRef={"name": "own"})
    assert issued(stage)
    stage.change(SECRET, "root", lambda draft: draft["data"].pop("tls.key"))


def test_a_cluster_issuer_serves_every_namespace_and_an_issuer_only_its_own(stage: Stage) -> None:
    stage.create(ISSUER, "own", spec={"selfSigned": {}}, metadata={"namespace": "elsewhere"})
    want(stage, issuerRef={"name": "own"})
    assert stage.store.get(SECRET, NAMESPACE, "shop-tls") is None
    want(stage, name="second", secretName="second-tls")
    assert secret(stage, "second-tls")


def test_an_issuer_of_another_group_is_left_to_whoever_serves_it(stage: Stage) -> None:
    want(stage, issuerRef={"name": "own", "group": "pki.example"})
    assert stage.store.get(SECRET, NAMESPACE, "shop-tls") is None


def test_every_sandbox_has_one_issuer(stage: Stage) -> None:
    assert condition_of(stage.get(CLUSTER_ISSUER, "letsencrypt"), "Ready") == ("True", "ACMEAccountRegistered")
