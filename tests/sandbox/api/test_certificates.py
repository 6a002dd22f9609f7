"""cert-manager's kinds, met through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.api.server import Answer, ApiServer

GOOD: dict[str, Any] = {"secretName": "web-tls", "dnsNames": ["web.example"], "issuerRef": {"name": "own"}}


def post(api: ApiServer, space: str, spec: dict[str, Any]) -> Answer:
    body = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web"}, "spec": spec}
    path = f"/apis/cert-manager.io/v1/namespaces/{space}/certificates"
    return api.request("POST", path, json.dumps(body).encode())


def test_the_kinds_are_in_discovery_with_their_short_names(api: ApiServer) -> None:
    shown = api.kubectl("api-resources", "--api-group=cert-manager.io", "--no-headers")
    found = {line.split()[0]: line.split() for line in shown.out.splitlines()}
    assert found.keys() == {"certificates", "certificaterequests", "issuers", "clusterissuers"}
    assert found["certificates"][1:] == ["cert,certs", "cert-manager.io/v1", "true", "Certificate"]
    assert found["clusterissuers"][3] == "false"


def test_kubectl_applies_and_prints_a_certificate_with_its_columns(api: ApiServer, space: str) -> None:
    manifest = json.dumps(
        {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web"}, "spec": GOOD}
    )
    for _ in range(2):
        applied = api.kubectl("apply", "-n", space, "-f", "-", stdin=manifest)
        assert applied.code == 0, applied.err
    shown = api.kubectl("get", "cert", "-n", space, "-o", "wide")
    assert shown.out.splitlines()[0].split() == ["NAME", "READY", "SECRET", "ISSUER", "STATUS", "EXPIRATION", "AGE"]
    assert shown.out.splitlines()[1].split()[:3] == ["web", "web-tls", "own"]


def test_the_status_is_written_through_its_own_subresource_only(api: ApiServer, space: str) -> None:
    assert post(api, space, GOOD).code == 201
    path = f"/apis/cert-manager.io/v1/namespaces/{space}/certificates/web"
    patch = b'{"status": {"conditions": [{"type": "Issuing", "status": "True"}]}}'
    api.request("PATCH", path, patch, Content_Type="application/merge-patch+json")
    assert "status" not in api.request("GET", path).json()
    api.request("PATCH", f"{path}/status", patch, Content_Type="application/merge-patch+json")
    found = api.request("GET", path).json()
    assert found["status"]["conditions"][0]["type"] == "Issuing"
    assert found["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"secretName": None}, "spec.secretName"),
        ({"secretName": "Not A Name"}, "spec.secretName"),
        ({"issuerRef": {}}, "spec.issuerRef.name"),
        ({"issuerRef": {"name": "own", "kind": "Person"}}, "spec.issuerRef.kind"),
        ({"dnsNames": []}, "spec"),
        ({"commonName": "x" * 65}, "spec.commonName"),
        ({"duration": "soon"}, "spec.duration"),
        ({"duration": "30m"}, "spec.duration"),
        ({"renewBefore": "1m"}, "spec.renewBefore"),
        ({"duration": "2h", "renewBefore": "3h"}, "spec.renewBefore"),
        ({"usages": ["server auth", "opening doors"]}, "spec.usages[1]"),
        ({"privateKey": {"algorithm": "DSA"}}, "spec.privateKey.algorithm"),
        ({"privateKey": {"size": 512}}, "spec.privateKey.size"),
        ({"privateKey": {"algorithm": "ECDSA", "size": 300}}, "spec.privateKey.size"),
    ],
)
def test_what_cert_manager_refuses_is_refused_with_its_field(
    api: ApiServer, space: str, change: dict[str, Any], field: str
) -> None:
    spec = {name: value for name, value in (GOOD | change).items() if value is not None}
    answer = post(api, space, spec)
    assert answer.code == 422
    causes = answer.json()["details"]["causes"]
    assert [cause["field"] for cause in causes] == [field]


def test_a_request_stays_as_it_was_made(api: ApiServer, space: str) -> None:
    path = f"/apis/cert-manager.io/v1/namespaces/{space}/certificaterequests"
    spec = {"issuerRef": {"name": "own"}, "request": "LS0t"}
    assert api.request("POST", path, json.dumps({"metadata": {"name": "one"}, "spec": spec}).encode()).code == 201
    changed = api.request(
        "PATCH", f"{path}/one", b'{"spec": {"isCA": true}}', Content_Type="application/merge-patch+json"
    )
    assert changed.code == 422
