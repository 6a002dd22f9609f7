"""What is refused because it is wrong, or because it may not change: the code and the field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.api import manifests
from tests.sandbox.api.answers import fields, posted, refused
from tests.sandbox.api.server import ApiServer


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels"),
        ({"selector": None}, "spec.selector"),
        ({"replicas": -1}, "spec.replicas"),
        ({"strategy": {"type": "Magic"}}, "spec.strategy.type"),
        ({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}, "spec.strategy.rollingUpdate"),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
        ({"strategy": {"rollingUpdate": {"maxSurge": "x"}}}, "spec.strategy.rollingUpdate.maxSurge"),
    ],
)
def test_a_wrong_deployment_is_refused_with_its_field(
    api: ApiServer, space: str, change: dict[str, Any], field: str
) -> None:
    wrong = manifests.deployment()
    wrong["spec"] |= change
    code, status = posted(api, f"/apis/apps/v1/namespaces/{space}/deployments", wrong)
    assert (code, status["reason"]) == (422, "Invalid")
    assert field in fields(status)


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"name": ""}, "spec.containers[0].name"),
        ({"name": "Bad_Name"}, "spec.containers[0].name"),
        ({"image": ""}, "spec.containers[0].image"),
        ({"ports": [{"containerPort": 70000}]}, "spec.containers[0].ports[0].containerPort"),
        ({"imagePullPolicy": "Sometimes"}, "spec.containers[0].imagePullPolicy"),
        ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, "spec.containers[0].volumeMounts[0].name"),
        ({"env": [{"name": "A=B"}]}, "spec.containers[0].env[0].name"),
        ({"livenessProbe": {"periodSeconds": 3}}, "spec.containers[0].livenessProbe"),
        ({"livenessProbe": {"exec": {}, "httpGet": {"port": 1}}}, "spec.containers[0].livenessProbe.httpGet"),
        ({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}, "spec.containers[0].resources.requests"),
    ],
)
def test_a_wrong_container_is_refused_with_its_field(
    api: ApiServer, space: str, container: dict[str, Any], field: str
) -> None:
    wrong = manifests.pod(containers=[{"name": "main", "image": "a"} | container])
    code, status = posted(api, f"/api/v1/namespaces/{space}/pods", wrong)
    assert code == 422
    assert fields(status) == {field}


@pytest.mark.parametrize("name", ["Web", "-web", "web_1", "a" * 254, "web.", "wéb"])
def test_a_name_that_is_no_dns_name_is_refused(core: Any, space: str, name: str) -> None:
    code, status = refused(lambda: core.create_namespaced_config_map(space, manifests.config_map(name)))
    assert (code, fields(status)) == (422, {"metadata.name"})


def test_a_pod_may_change_its_image_and_little_else(core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    patch = {"spec": {"containers": [{"name": "main", "image": "example/web:2"}]}}
    assert core.patch_namespaced_pod("web", space, patch).spec.containers[0].image == "example/web:2"
    code, status = refused(lambda: core.patch_namespaced_pod("web", space, {"spec": {"hostname": "other"}}))
    assert (code, fields(status)) == (422, {"spec"})
    assert "pod updates may not change fields other than" in status["message"]


def test_selectors_and_stateful_specs_stay_as_they_were(apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, manifests.deployment())
    other = manifests.deployment()
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "new"}
    code, status = refused(lambda: apps.replace_namespaced_deployment("web", space, other))
    assert (code, fields(status)) == (422, {"spec.selector"})
    stateful = manifests.deployment() | {"kind": "StatefulSet"}
    stateful["spec"]["serviceName"] = "web"
    apps.create_namespaced_stateful_set(space, stateful)
    code, status = refused(lambda: apps.patch_namespaced_stateful_set("web", space, {"spec": {"serviceName": "x"}}))
    assert (code, fields(status)) == (422, {"spec"})
    assert apps.patch_namespaced_stateful_set("web", space, {"spec": {"replicas": 3}}).spec.replicas == 3


def test_an_immutable_config_map_stays_as_it_is(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, manifests.config_map(a="1") | {"immutable": True})
    code, status = refused(lambda: core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}}))
    assert (code, fields(status)) == (422, {"data"})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "json parse error"),
        (b"[]", "expected an object"),
        (b'{"kind":"Pod","apiVersion":"v1"}', "cannot be handled as a ConfigMap"),
        (b'{"metadata":{"name":"a","namespace":"other"}}', "namespace of the provided object does not match"),
        (b'{"data":[]}', "cannot unmarshal array"),
    ],
)
def test_a_body_that_is_no_such_object_is_a_bad_request(api: ApiServer, space: str, body: bytes, says: str) -> None:
    answer = api.request("POST", f"/api/v1/namespaces/{space}/configmaps", body)
    status = answer.json()
    assert (answer.code, status["reason"]) == (400, "BadRequest")
    assert says in status["message"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/apis/nothing.example/v1/things", 404),
        ("GET", "/api/v1/namespaces/default/unicorns", 404),
        ("GET", "/api/v1/namespaces/default/pods/x/wings", 404),
        ("PUT", "/api/v1/namespaces/default/pods", 405),
        ("POST", "/api/v1/namespaces/default/pods/x", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("POST", "/api/v1/pods", 405),
    ],
)
def test_what_is_not_served_is_not_found_or_not_allowed(api: ApiServer, method: str, path: str, code: int) -> None:
    answer = api.request(method, path, b'{"metadata": {"name": "x"}}')
    assert (answer.code, answer.json()["kind"]) == (code, "Status")
