"""Kinds of one's own: a CustomResourceDefinition makes them served, and takes them along when it goes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from drillbook.sandbox.kinds import Object
from tests.sandbox.api.server import ApiServer, official

_NUMBERS = itertools.count(1)
_SPEC: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "string", "enum": ["small", "big"]},
        "replicas": {"type": "integer", "minimum": 0, "default": 1},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def definition(group: str) -> Object:
    """Widgets of a group of their own."""
    columns = [
        {"name": "Size", "type": "string", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    schema = {
        "type": "object",
        "properties": {"spec": _SPEC, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
        "additionalPrinterColumns": columns,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]},
            "versions": [version],
        },
    }


def widget(group: str, name: str = "one", **spec: Any) -> str:
    meta = {"name": name}
    return json.dumps(
        {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": meta, "spec": {"size": "small"} | spec}
    )


@pytest.fixture
def group(api: ApiServer) -> Iterator[str]:
    """A group in which widgets are served for one test."""
    name = f"g{next(_NUMBERS)}.example.com"
    api.kubectl("create", "-f", "-", stdin=json.dumps(definition(name))).ok()
    yield name
    api.kubectl("delete", "crd", f"widgets.{name}", "--ignore-not-found").ok()


def test_a_definition_becomes_established_and_its_kind_is_discovered(api: ApiServer, group: str) -> None:
    api.kubectl("wait", "--for=condition=Established", f"crd/widgets.{group}", "--timeout=5s").ok()
    said = api.kubectl("api-resources", f"--api-group={group}", "--no-headers").ok()
    assert said.split() == ["widgets", "wd", f"{group}/v1", "true", "Widget"]


def test_its_objects_are_applied_read_changed_and_deleted(api: ApiServer, space: str, group: str) -> None:
    apply = ("-n", space, "apply", "-f", "-")
    plural = f"widgets.{group}"
    assert "created" in api.kubectl(*apply, stdin=widget(group)).ok()
    assert "unchanged" in api.kubectl(*apply, stdin=widget(group)).ok()
    assert "configured" in api.kubectl(*apply, stdin=widget(group, size="big")).ok()
    said = json.loads(api.kubectl("-n", space, "get", plural, "one", "-o", "json").ok())
    assert (said["spec"], said["metadata"]["generation"]) == ({"size": "big", "replicas": 1}, 2)
    api.kubectl("-n", space, "delete", plural, "one").ok()
    assert "not found" in api.kubectl("-n", space, "get", plural, "one").err


def test_its_table_has_the_columns_of_the_definition(api: ApiServer, space: str, group: str) -> None:
    api.kubectl("-n", space, "create", "-f", "-", stdin=widget(group)).ok()
    status = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    api.kubectl(
        "-n", space, "patch", f"widgets.{group}", "one", "--subresource=status", "--type=merge", "-p", status
    ).ok()
    lines = [line.split() for line in api.kubectl("-n", space, "get", f"widgets.{group}").ok().splitlines()]
    assert lines[0] == ["NAME", "SIZE", "READY", "AGE"]
    assert lines[1][:3] == ["one", "small", "True"]


def test_an_update_leaves_the_status_and_a_status_update_the_spec(api: ApiServer, space: str, group: str) -> None:
    path = f"/apis/{group}/v1/namespaces/{space}/widgets"
    api.request("POST", path, widget(group).encode())
    merge = {"Content_Type": "application/merge-patch+json"}
    both = json.dumps({"spec": {"size": "big"}, "status": {"phase": "Done"}}).encode()
    assert "status" not in api.request("PATCH", f"{path}/one", both, **merge).json()
    both = json.dumps({"spec": {"size": "small"}, "status": {"phase": "Done"}}).encode()
    said = api.request("PATCH", f"{path}/one/status", both, **merge).json()
    assert (said["spec"]["size"], said["status"]["phase"]) == ("big", "Done")


def test_it_is_scaled(api: ApiServer, space: str, group: str) -> None:
    api.kubectl("-n", space, "create", "-f", "-", stdin=widget(group)).ok()
    api.kubectl("-n", space, "scale", f"widgets.{group}/one", "--replicas=3").ok()
    said = api.kubectl("-n", space, "get", f"widgets.{group}", "one", "-o", "jsonpath={.spec.replicas}").ok()
    assert said == "3"


@pytest.mark.parametrize(
    ("spec", "field", "sentence"),
    [
        ({"size": "huge"}, "spec.size", 'Unsupported value: "huge": supported values: "small", "big"'),
        ({"size": None}, "spec.size", "Required value"),
        ({"replicas": "two"}, "spec.replicas", "must be of type integer"),
        ({"replicas": -1}, "spec.replicas", "should be greater than or equal to 0"),
    ],
)
def test_what_its_schema_forbids_is_refused_with_the_field(
    api: ApiServer, space: str, group: str, spec: Object, field: str, sentence: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/{space}/widgets"
    refused = api.request("POST", path, widget(group, **spec).encode())
    assert refused.code == 422
    (cause,) = refused.json()["details"]["causes"]
    assert cause["field"] == field
    assert sentence in cause["message"]


def test_what_its_schema_does_not_know_is_left_out_except_where_it_says_so(
    api: ApiServer, space: str, group: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/{space}/widgets"
    said = api.request("POST", path, widget(group, colour="red", free={"a": {"b": 1}}).encode())
    assert said.json()["spec"] == {"size": "small", "replicas": 1, "free": {"a": {"b": 1}}}
    assert r"unknown field \"spec.colour\"" in said.headers["Warning"]
    strict = api.request("POST", path + "?fieldValidation=Strict", widget(group, "two", colour="red").encode())
    assert (strict.code, "spec.colour" in strict.json()["message"]) == (400, True)


def test_the_official_client_lists_and_watches_it(api: ApiServer, space: str, group: str, client: Any) -> None:
    custom = official("client").CustomObjectsApi(client)
    place = (group, "v1", space, "widgets")
    custom.create_namespaced_custom_object(*place, json.loads(widget(group)))
    listed = custom.list_namespaced_custom_object(*place)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["one"]
    custom.delete_namespaced_custom_object(*place, "one")
    version = listed["metadata"]["resourceVersion"]
    query = f"watch=true&timeoutSeconds=1&resourceVersion={version}"
    seen = api.request("GET", f"/apis/{group}/v1/namespaces/{space}/widgets?{query}").body.splitlines()
    assert [json.loads(line)["type"] for line in seen] == ["DELETED"]


def test_with_its_definition_its_objects_go_and_the_kind_is_unknown(api: ApiServer, space: str, group: str) -> None:
    api.kubectl("-n", space, "create", "-f", "-", stdin=widget(group)).ok()
    api.kubectl("delete", "crd", f"widgets.{group}").ok()
    path = f"/apis/{group}/v1/namespaces/{space}/widgets"
    assert api.request("POST", path, widget(group).encode()).code == 404
    api.kubectl("create", "-f", "-", stdin=json.dumps(definition(group))).ok()
    assert "No resources found" in api.kubectl("-n", space, "get", f"widgets.{group}").err


def test_a_kind_that_nobody_defined_has_no_match(api: ApiServer, space: str) -> None:
    said = api.kubectl("-n", space, "apply", "-f", "-", stdin=widget("nobody.example.com")).err
    assert 'no matches for kind "Widget" in version "nobody.example.com/v1"' in said


def test_a_definition_waits_for_objects_that_a_finalizer_holds(api: ApiServer, space: str, group: str) -> None:
    held = json.loads(widget(group))
    held["metadata"]["finalizers"] = ["example.com/hold"]
    path = f"/apis/{group}/v1/namespaces/{space}/widgets"
    api.request("POST", path, json.dumps(held).encode())
    api.kubectl("delete", "crd", f"widgets.{group}", "--wait=false").ok()
    assert "deletionTimestamp" in api.request("GET", f"{path}/one").json()["metadata"]
    free = {"Content_Type": "application/merge-patch+json"}
    api.request("PATCH", f"{path}/one", b'{"metadata":{"finalizers":null}}', **free)
    assert api.request("GET", f"{path}/one").code == 404
    assert "not found" in api.kubectl("get", "crd", f"widgets.{group}").err


def test_a_definition_is_named_after_what_it_defines(api: ApiServer) -> None:
    wrong = definition("wrong.example.com")
    wrong["metadata"]["name"] = "widgets"
    said = api.kubectl("create", "-f", "-", stdin=json.dumps(wrong)).err
    assert 'metadata.name: Invalid value: "widgets": must be spec.names.plural+"."+spec.group' in said
