"""What issues a certificate again, and what doesn't: by hand, by a changed spec, by an annotation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drillbook.sandbox.controllers.pods import moment
from drillbook.sandbox.kinds import CERTIFICATE, CLUSTER_ISSUER
from tests.sandbox.certmanager.certs import (
    DAY,
    issued,
    key_bytes,
    renew_by_hand,
    status,
    want,
)
from tests.sandbox.controllers.stage import Stage, condition_of


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


def test_rotation_policy_never_keeps_the_key(stage: Stage) -> None:
    want(stage, privateKey={"algorithm": "ECDSA", "rotationPolicy": "Never"})
    pem, first = key_bytes(stage), issued(stage)
    renew_by_hand(stage)
    assert key_bytes(stage) == pem
    assert issued(stage).serial_number != first.serial_number
