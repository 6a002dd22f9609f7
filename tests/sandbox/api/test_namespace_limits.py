"""Quotas and limit ranges, met through the API."""

from __future__ import annotations

import json
from typing import Any

from drillbook.sandbox.kinds import LIMIT_RANGE, RESOURCE_QUOTA
from tests.sandbox.api.server import Answer, ApiServer


def store(api: ApiServer, kind: Any, space: str, spec: dict[str, Any]) -> None:
    api.do(lambda: api.store.create(kind, {"metadata": {"name": "team", "namespace": space}, "spec": spec}))


def post(api: ApiServer, space: str, resource: str, body: dict[str, Any], query: str = "") -> Answer:
    return api.request("POST", f"/api/v1/namespaces/{space}/{resource}{query}", json.dumps(body).encode())


def pod(name: str, **resources: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": "busybox", "resources": resources}]},
    }


def test_a_pod_too_many_answers_403_with_what_was_exceeded(api: ApiServer, space: str) -> None:
    store(api, RESOURCE_QUOTA, space, {"hard": {"pods": "1"}})
    assert post(api, space, "pods", pod("one")).code == 201
    refused = post(api, space, "pods", pod("two"))
    assert refused.code == 403
    status = refused.json()
    assert status["reason"] == "Forbidden"
    assert status["details"] == {"name": "two", "kind": "pods"}
    assert status["message"] == (
        'pods "two" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1'
    )


def test_a_dry_run_meets_the_quota_too(api: ApiServer, space: str) -> None:
    store(api, RESOURCE_QUOTA, space, {"hard": {"configmaps": "0"}})
    assert post(api, space, "configmaps", {"metadata": {"name": "a"}}, "?dryRun=All").code == 403


def test_kubectl_shows_the_refusal(api: ApiServer, space: str) -> None:
    store(api, RESOURCE_QUOTA, space, {"hard": {"count/secrets": "0"}})
    refused = api.kubectl("create", "secret", "generic", "token", "-n", space, "--from-literal=a=b")
    assert refused.code != 0
    assert 'secrets "token" is forbidden: exceeded quota: team' in refused.err


def test_a_limit_range_completes_pods_before_the_quota_looks_at_them(api: ApiServer, space: str) -> None:
    limit = {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"}}
    store(api, LIMIT_RANGE, space, {"limits": [limit]})
    store(api, RESOURCE_QUOTA, space, {"hard": {"requests.cpu": "150m"}})
    answer = post(api, space, "pods", pod("one"))
    assert answer.code == 201
    assert answer.json()["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "200m"},
        "requests": {"cpu": "100m"},
    }
    assert post(api, space, "pods", pod("two")).code == 403


def test_a_service_that_takes_more_than_before_is_held_to_the_quota(api: ApiServer, space: str) -> None:
    store(api, RESOURCE_QUOTA, space, {"hard": {"services.nodeports": "0"}})
    body = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    assert post(api, space, "services", body).code == 201
    changed = api.request(
        "PATCH",
        f"/api/v1/namespaces/{space}/services/web",
        b'{"spec": {"type": "NodePort"}}',
        Content_Type="application/merge-patch+json",
    )
    assert changed.code == 403
