"""Ingresses that ask for certificates by annotation."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.sandbox.kinds import CERTIFICATE, INGRESS, SECRET
from tests.sandbox.certmanager.certs import HOSTS, dns_names, issued
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of

CLUSTER = {"cert-manager.io/cluster-issuer": "letsencrypt"}
SMALL = {"cert-manager.io/private-key-algorithm": "ECDSA"}


def ingress(stage: Stage, annotations: dict[str, str], *tls: dict[str, Any], name: str = "shop") -> None:
    entries = list(tls) or [{"hosts": HOSTS, "secretName": "shop-tls"}]
    meta = {"annotations": annotations | SMALL, "labels": {"app": "shop"}}
    stage.create(INGRESS, name, metadata=meta, spec={"tls": entries, "rules": []})
    stage.settle()


def test_an_ingress_gets_a_certificate_named_as_its_secret(stage: Stage) -> None:
    ingress(stage, CLUSTER)
    certificate = stage.get(CERTIFICATE, "shop-tls")
    assert certificate["spec"]["issuerRef"] == {"name": "letsencrypt", "kind": "ClusterIssuer"}
    assert certificate["spec"]["dnsNames"] == HOSTS
    assert certificate["metadata"]["ownerReferences"][0]["kind"] == "Ingress"
    assert certificate["metadata"]["labels"] == {"app": "shop"}
    assert condition_of(certificate, "Ready") == ("True", "Ready")
    assert sorted(dns_names(issued(stage))) == sorted(HOSTS)
    assert stage.said("CreateCertificate") == ['Successfully created Certificate "shop-tls"']


def test_without_the_annotation_nothing_is_made(stage: Stage) -> None:
    ingress(stage, {"kubernetes.io/tls-acme": "true"})
    assert not stage.store.list(CERTIFICATE)
    assert stage.store.get(SECRET, NAMESPACE, "shop-tls") is None


def test_a_namespaced_issuer_may_be_named(stage: Stage) -> None:
    ingress(stage, {"cert-manager.io/issuer": "own"})
    assert stage.get(CERTIFICATE, "shop-tls")["spec"]["issuerRef"] == {"name": "own", "kind": "Issuer"}


def test_annotations_shape_the_certificate(stage: Stage) -> None:
    more = {
        "cert-manager.io/common-name": "shop.example",
        "cert-manager.io/duration": "48h",
        "cert-manager.io/renew-before": "24h",
        "cert-manager.io/usages": "server auth, digital signature",
        "cert-manager.io/revision-history-limit": "3",
        "cert-manager.io/private-key-size": "384",
        "cert-manager.io/private-key-rotation-policy": "Never",
    }
    ingress(stage, CLUSTER | more)
    spec = stage.get(CERTIFICATE, "shop-tls")["spec"]
    assert (spec["commonName"], spec["duration"], spec["renewBefore"]) == ("shop.example", "48h", "24h")
    assert spec["usages"] == ["server auth", "digital signature"]
    assert spec["revisionHistoryLimit"] == 3
    assert spec["privateKey"] == {"algorithm": "ECDSA", "size": 384, "rotationPolicy": "Never"}


def test_a_changed_ingress_changes_its_certificate(stage: Stage) -> None:
    ingress(stage, CLUSTER)
    tls = [{"hosts": ["new.example"], "secretName": "shop-tls"}]
    stage.change(INGRESS, "shop", lambda draft: draft["spec"].update(tls=tls))
    stage.settle()
    assert dns_names(issued(stage)) == ["new.example"]
    assert "UpdateCertificate" in stage.reasons()


def test_an_entry_that_goes_takes_its_certificate_along_and_leaves_the_secret(stage: Stage) -> None:
    ingress(stage, CLUSTER)
    tls = [{"hosts": HOSTS, "secretName": "other-tls"}]
    stage.change(INGRESS, "shop", lambda draft: draft["spec"].update(tls=tls))
    stage.settle()
    assert [found["metadata"]["name"] for found in stage.store.list(CERTIFICATE)] == ["other-tls"]
    assert stage.store.get(SECRET, NAMESPACE, "shop-tls") is not None


def test_a_deleted_certificate_comes_back_without_a_new_serial(stage: Stage) -> None:
    ingress(stage, CLUSTER)
    first = issued(stage)
    stage.store.remove(CERTIFICATE, NAMESPACE, "shop-tls")
    stage.settle()
    assert condition_of(stage.get(CERTIFICATE, "shop-tls"), "Ready") == ("True", "Ready")
    assert issued(stage).serial_number == first.serial_number


def test_a_certificate_made_by_hand_is_left_as_it_is(stage: Stage) -> None:
    spec = {"secretName": "shop-tls", "dnsNames": ["mine.example"], "issuerRef": {"name": "own"}}
    stage.create(CERTIFICATE, "shop-tls", spec=spec)
    ingress(stage, CLUSTER)
    assert stage.get(CERTIFICATE, "shop-tls")["spec"] == spec


def test_the_certificate_goes_with_its_ingress(stage: Stage) -> None:
    ingress(stage, CLUSTER)
    stage.store.remove(INGRESS, NAMESPACE, "shop")
    stage.settle()
    assert not stage.store.list(CERTIFICATE)


@pytest.mark.parametrize(
    ("annotations", "sentence"),
    [
        (CLUSTER | {"cert-manager.io/issuer": "own"}, "may not be set"),
        ({"cert-manager.io/cluster-issuer": ""}, "failed to determine issuer name"),
        (CLUSTER | {"cert-manager.io/duration": "soon"}, 'invalid duration "soon"'),
        (CLUSTER | {"cert-manager.io/duration": "30m"}, "greater than or equal to 1h"),
        (CLUSTER | {"cert-manager.io/private-key-size": "12"}, '"12" is none of'),
        (CLUSTER | {"cert-manager.io/usages": "server auth, opening doors"}, 'invalid key usage name "opening doors"'),
        (CLUSTER | {"cert-manager.io/revision-history-limit": "0"}, "not a positive number"),
    ],
)
def test_annotations_that_cannot_be_meant_are_said(stage: Stage, annotations: dict[str, str], sentence: str) -> None:
    ingress(stage, annotations)
    assert not stage.store.list(CERTIFICATE)
    assert sentence in stage.said("BadConfig")[0]


def test_one_secret_in_two_entries_is_refused(stage: Stage) -> None:
    ingress(
        stage, CLUSTER, {"hosts": HOSTS[:1], "secretName": "shop-tls"}, {"hosts": HOSTS[1:], "secretName": "shop-tls"}
    )
    assert not stage.store.list(CERTIFICATE)
    assert "must only appear in a single TLS entry" in stage.said("BadConfig")[0]


def test_an_entry_without_hosts_is_skipped_and_the_others_are_served(stage: Stage) -> None:
    ingress(stage, CLUSTER, {"secretName": "empty-tls"}, {"hosts": HOSTS, "secretName": "shop-tls"})
    assert [found["metadata"]["name"] for found in stage.store.list(CERTIFICATE)] == ["shop-tls"]
    assert "spec.tls[0].hosts: Required value" in stage.said("BadConfig")[0]
