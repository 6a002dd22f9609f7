"""The kinds of patch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.objects import config_map, deployment

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
def path(core: Any, space: str) -> str:
    """The path of a config map."""
    core.create_namespaced_config_map(space, config_map(a="1", b="2"))
    return f"/api/v1/namespaces/{space}/configmaps/settings"


@pytest.fixture
def web(cluster: Cluster, apps: Any, space: str) -> str:
    """The path of a deployment of two containers; nothing of it runs."""
    made = deployment(cluster.images.shell, replicas=0, paused=True)
    containers = made["spec"]["template"]["spec"]["containers"]
    containers[0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    containers.append({"name": "side", "image": cluster.images.shell, "args": ["x"]})
    apps.create_namespaced_deployment(space, made)
    return f"/apis/apps/v1/namespaces/{space}/deployments/web"


def containers(answer: Any) -> dict[str, Any]:
    return {entry["name"]: entry for entry in answer.json()["spec"]["template"]["spec"]["containers"]}


def in_template(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def test_a_merge_patch_merges_maps_and_null_removes(cluster: Cluster, path: str) -> None:
    answer = cluster.request("PATCH", path, {"data": {"a": None, "c": "3"}}, Content_Type=MERGE)
    assert answer.json()["data"] == {"b": "2", "c": "3"}


def test_a_merge_patch_replaces_lists(cluster: Cluster, web: str) -> None:
    only = [{"name": "only", "image": cluster.images.shell}]
    answer = cluster.request("PATCH", web, in_template(containers=only), Content_Type=MERGE)
    assert list(containers(answer)) == ["only"]


def test_a_json_patch_adds_replaces_removes_moves_copies_and_tests(cluster: Cluster, path: str) -> None:
    operations = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/x~1y", "value": "slash"},
        {"op": "replace", "path": "/data/a", "value": "one"},
        {"op": "copy", "from": "/data/a", "path": "/data/c"},
        {"op": "move", "from": "/data/b", "path": "/data/d"},
        {"op": "remove", "path": "/data/x~1y"},
    ]
    answer = cluster.request("PATCH", path, operations, Content_Type=JSON)
    assert answer.json()["data"] == {"a": "one", "c": "one", "d": "2"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "9"},
        {"op": "remove", "path": "/data/none"},
        {"op": "replace", "path": "/data/none", "value": "x"},
    ],
)
def test_a_json_patch_that_does_not_fit_is_unprocessable(cluster: Cluster, path: str, operation: Any) -> None:
    assert cluster.request("PATCH", path, [operation], Content_Type=JSON).code == 422


def test_a_json_patch_that_is_no_list_is_a_bad_request(cluster: Cluster, path: str) -> None:
    assert cluster.request("PATCH", path, {"op": "add"}, Content_Type=JSON).code == 400


def test_a_strategic_merge_pairs_containers_by_name(cluster: Cluster, web: str) -> None:
    patch = in_template(
        containers=[{"name": "main", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]
    )
    found = containers(cluster.request("PATCH", web, patch, Content_Type=STRATEGIC))
    assert set(found) == {"main", "side"}
    assert {entry["name"]: entry["value"] for entry in found["main"]["env"]} == {"A": "1", "B": "3", "C": "4"}


def test_a_strategic_merge_replaces_lists_without_a_key(cluster: Cluster, web: str) -> None:
    patch = in_template(containers=[{"name": "side", "args": ["y", "z"]}])
    assert containers(cluster.request("PATCH", web, patch, Content_Type=STRATEGIC))["side"]["args"] == ["y", "z"]


def test_a_strategic_merge_deletes_one_entry(cluster: Cluster, web: str) -> None:
    patch = in_template(containers=[{"name": "side", "$patch": "delete"}])
    assert list(containers(cluster.request("PATCH", web, patch, Content_Type=STRATEGIC))) == ["main"]


def test_a_strategic_merge_replaces_a_list_when_told_to(cluster: Cluster, web: str) -> None:
    patch = in_template(containers=[{"$patch": "replace"}, {"name": "new", "image": cluster.images.shell}])
    assert list(containers(cluster.request("PATCH", web, patch, Content_Type=STRATEGIC))) == ["new"]


def test_a_strategic_merge_orders_entries_when_told_to(cluster: Cluster, web: str) -> None:
    order = {"$setElementOrder/containers": [{"name": "side"}, {"name": "main"}]}
    patch = in_template(**order, containers=[{"name": "side", "args": ["z"]}])
    assert list(containers(cluster.request("PATCH", web, patch, Content_Type=STRATEGIC))) == ["side", "main"]


def test_retained_keys_are_all_that_is_left(cluster: Cluster, web: str) -> None:
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    answer = cluster.request("PATCH", web, patch, Content_Type=STRATEGIC)
    assert answer.json()["spec"]["strategy"] == {"type": "Recreate"}


def test_finalizers_are_merged_and_deleted_as_a_set(cluster: Cluster, path: str) -> None:
    def patch(metadata: Any) -> list[str]:
        answer = cluster.request("PATCH", path, {"metadata": metadata}, Content_Type=STRATEGIC)
        return list(answer.json()["metadata"].get("finalizers", []))

    assert patch({"finalizers": ["example.com/a"]}) == ["example.com/a"]
    assert set(patch({"finalizers": ["example.com/b"]})) == {"example.com/a", "example.com/b"}
    assert patch({"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}) == ["example.com/b"]
    assert patch({"$deleteFromPrimitiveList/finalizers": ["example.com/b"]}) == []


def test_server_side_apply_creates_and_then_merges(cluster: Cluster, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/configmaps/applied?fieldManager="
    given = config_map("applied", a="1", b="2")
    assert cluster.request("PATCH", path + "one", given, Content_Type=APPLY).code == 201
    given = config_map("applied", c="3")
    answer = cluster.request("PATCH", path + "two", given, Content_Type=APPLY)
    assert (answer.code, answer.json()["data"]) == (200, {"a": "1", "b": "2", "c": "3"})


def test_server_side_apply_removes_what_its_manager_leaves_out(cluster: Cluster, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/configmaps/applied?fieldManager="
    cluster.request("PATCH", path + "one", config_map("applied", a="1", b="2"), Content_Type=APPLY)
    cluster.request("PATCH", path + "two", config_map("applied", b="2"), Content_Type=APPLY)
    answer = cluster.request("PATCH", path + "one", config_map("applied", x="9"), Content_Type=APPLY)
    assert answer.json()["data"] == {"b": "2", "x": "9"}, "a was one's alone, b is still applied by two"


def test_server_side_apply_needs_a_manager(cluster: Cluster, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/configmaps/applied"
    assert cluster.request("PATCH", path, config_map("applied"), Content_Type=APPLY).code in {400, 422}


def test_an_unknown_kind_of_patch_is_unsupported(cluster: Cluster, path: str) -> None:
    assert cluster.request("PATCH", path, b"{}", Content_Type="application/x-conformance").code == 415


def test_a_patch_of_what_is_not_there_is_not_found(cluster: Cluster, path: str) -> None:
    assert cluster.request("PATCH", path + "-none", {"data": {}}, Content_Type=MERGE).code == 404
