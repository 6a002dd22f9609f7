"""Patches do what their standards, and kubectl's own merge, say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drillbook.sandbox.api.patches import json_patch, merge_patch
from drillbook.sandbox.api.patches.strategic import StrategicMerge
from drillbook.sandbox.api.schema.schemas import builtin
from drillbook.sandbox.status import ApiError
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(JSON, JSON)
def test_a_merge_patch_applied_twice_is_applied_once(document: Any, patch: Any) -> None:
    once = merge_patch.apply(document, patch)
    assert merge_patch.apply(once, patch) == once


@given(JSON)
def test_an_empty_merge_patch_changes_no_object(document: Any) -> None:
    assert merge_patch.apply(document, {}) == (document if isinstance(document, dict) else {})


@given(JSON, JSON)
def test_a_merge_patch_that_is_no_object_replaces(document: Any, patch: Any) -> None:
    if not isinstance(patch, dict):
        assert merge_patch.apply(document, patch) == patch


@given(JSON)
def test_a_merge_patch_onto_nothing_leaves_its_nulls_out(patch: Any) -> None:
    assert merge_patch.apply({}, patch) == without_nulls(patch)


@given(JSON, JSON)
def test_a_patch_leaves_the_document_it_was_given_alone(document: Any, patch: Any) -> None:
    before = json.dumps(document)
    merge_patch.apply(document, patch)
    json_patch.apply(document, [{"op": "add", "path": "", "value": patch}])
    assert json.dumps(document) == before


@given(st.lists(SCALARS, max_size=4), SCALARS, st.integers(0, 4))
def test_json_patch_add_and_remove_cancel_out(items: list[Any], value: Any, place: int) -> None:
    document = {"items": items}
    if place > len(items):
        with pytest.raises(ApiError):
            json_patch.apply(document, [{"op": "add", "path": f"/items/{place}", "value": value}])
        return
    added = json_patch.apply(document, [{"op": "add", "path": f"/items/{place}", "value": value}])
    assert added["items"][place] == value
    assert json_patch.apply(added, [{"op": "remove", "path": f"/items/{place}"}]) == document


@given(st.dictionaries(st.text("ab/~", min_size=1, max_size=3), SCALARS, min_size=1, max_size=3))
def test_json_pointers_reach_keys_with_slashes_and_tildes(document: dict[str, Any]) -> None:
    for key, value in document.items():
        pointer = "/" + key.replace("~", "~0").replace("/", "~1")
        assert json_patch.apply(document, [{"op": "test", "path": pointer, "value": value}]) == document


def test_json_patch_moves_and_copies() -> None:
    moved = json_patch.apply({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/c"}])
    assert moved == {"a": {}, "c": 1}
    assert json_patch.apply({"a": [1]}, [{"op": "copy", "from": "/a/0", "path": "/a/-"}]) == {"a": [1, 1]}


def test_a_failed_json_patch_test_is_unprocessable() -> None:
    with pytest.raises(ApiError) as refused:
        json_patch.apply({"a": 1}, [{"op": "test", "path": "/a", "value": True}])
    assert refused.value.code == 422


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "remove", "path": "/x"},
        {"op": "replace", "path": "/x", "value": 1},
        {"op": "move", "from": "/x", "path": "/y"},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "add", "path": "/list/3", "value": 1},
        {"op": "move", "from": "/list", "path": "/list/0"},
    ],
)
def test_a_json_patch_that_does_not_fit_is_unprocessable(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        json_patch.apply({"list": [1, 2]}, [operation])
    assert refused.value.code == 422


@pytest.mark.parametrize(
    "patch", [{}, "x", [{"op": "spin", "path": "/a"}], [{"op": "add", "path": "/a"}], [{"op": "remove", "path": "a"}]]
)
def test_a_json_patch_that_cannot_be_read_is_a_bad_request(patch: Any) -> None:
    with pytest.raises(ApiError) as refused:
        json_patch.apply({"a": 1}, patch)
    assert refused.value.code == 400


def strategic(document: Any, patch: Any, type_: str = "Deployment") -> Any:
    schemas = builtin()
    return StrategicMerge(schemas).apply(document, patch, schemas.types[type_])


def kubectl_patch(api: ApiServer, document: Any, patch: Any) -> Any:
    """What kubectl itself makes of it, without a server."""
    path = api.folder / "document.json"
    path.write_text(json.dumps(document))
    done = api.kubectl("patch", "--local", "-f", str(path), "--type=strategic", "-p", json.dumps(patch), "-o", "json")
    return json.loads(done.ok())


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": f"example/{name}:1", **fields}


BASE = manifests.deployment(
    template={
        "metadata": {"labels": {"app": "web"}, "finalizers": ["a.example/x", "b.example/y"]},
        "spec": {
            "containers": [
                container("one", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
                container("two", args=["x"], ports=[{"containerPort": 80, "name": "http"}]),
            ],
            "tolerations": [{"key": "k", "operator": "Exists"}],
            "volumes": [
                {"name": "data", "emptyDir": {"medium": "Memory"}},
                {"name": "conf", "configMap": {"name": "c"}},
            ],
        },
    },
    strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
)


def in_template(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize(
    "patch",
    [
        in_template(containers=[{"name": "two", "image": "example/two:2"}]),
        in_template(containers=[container("three")]),
        in_template(containers=[{"name": "one", "$patch": "delete"}]),
        in_template(containers=[{"$patch": "replace"}, container("only")]),
        in_template(containers=[{"name": "one", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]),
        in_template(containers=[{"name": "one", "env": [{"name": "A", "$patch": "delete"}]}]),
        in_template(containers=[{"name": "one", "env": None}]),
        in_template(containers=[{"name": "two", "args": ["y", "z"]}]),
        in_template(containers=[{"name": "two", "ports": [{"containerPort": 81}]}]),
        in_template(tolerations=[{"key": "other", "operator": "Exists"}]),
        in_template(volumes=[{"name": "data", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]),
        in_template(volumes=[{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}]),
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}},
        {"spec": {"replicas": 5, "selector": None}},
        {"metadata": {"labels": {"a": "b"}, "annotations": {"x": None}}},
        in_template(**{"$setElementOrder/containers": [{"name": "two"}, {"name": "one"}]}),
        in_template(
            **{"$setElementOrder/containers": [{"name": "three"}, {"name": "two"}, {"name": "one"}]},
            containers=[container("three")],
        ),
        in_template(
            **{"$setElementOrder/containers": [{"name": "three"}, {"name": "two"}]}, containers=[container("three")]
        ),
        {"spec": {"template": {"metadata": {"finalizers": ["c.example/z", "a.example/x"]}}}},
        {"spec": {"template": {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.example/x"]}}}},
        {
            "spec": {
                "template": {
                    "metadata": {
                        "$setElementOrder/finalizers": ["c.example/z", "b.example/y", "a.example/x"],
                        "finalizers": ["c.example/z"],
                    }
                }
            }
        },
    ],
)
def test_a_strategic_merge_is_the_one_that_kubectl_computes(api: ApiServer, patch: dict[str, Any]) -> None:
    assert strategic(BASE, patch) == kubectl_patch(api, BASE, patch)


ENV = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from("ABCD"), st.sampled_from("xyz")),
    max_size=4,
    unique_by=lambda entry: entry["name"],
)
CONTAINERS = st.lists(
    st.builds(lambda name, env: container(name, env=env), st.sampled_from(["a", "b", "c"]), ENV),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry["name"],
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONTAINERS, CONTAINERS, st.permutations(["a", "b", "c"]))
@example([container("a", env=[])], [container("b", env=[])], ["c", "b", "a"])
def test_any_merge_of_containers_is_the_one_that_kubectl_computes(
    api: ApiServer, have: list[Any], change: list[Any], order: list[str]
) -> None:
    document = manifests.pod(containers=have)
    change = sorted(change, key=lambda entry: order.index(entry["name"]))
    names = [{"name": name} for name in order]
    patch = {"spec": {"$setElementOrder/containers": names, "containers": change}}
    ours = strategic(document, patch, "Pod")
    theirs = kubectl_patch(api, document, patch)
    for spec in (ours["spec"], theirs["spec"]):
        for entry in spec["containers"]:
            if not entry.get("env"):
                entry.pop("env", None)
    assert ours["spec"]["containers"] == theirs["spec"]["containers"]


@given(CONTAINERS, CONTAINERS)
def test_a_strategic_merge_applied_twice_is_applied_once(have: list[Any], change: list[Any]) -> None:
    patch = {"spec": {"containers": change}}
    once = strategic(manifests.pod(containers=have), patch, "Pod")
    assert strategic(once, patch, "Pod") == once


def test_an_unknown_directive_and_a_missing_key_are_refused() -> None:
    with pytest.raises(ApiError, match="unknown patch type: shuffle"):
        strategic(BASE, {"spec": {"$patch": "shuffle"}})
    with pytest.raises(ApiError, match="merge key: name"):
        strategic(BASE, in_template(containers=[{"image": "x"}]))
    with pytest.raises(ApiError, match="doesn't match"):
        strategic(BASE, in_template(**{"$setElementOrder/containers": [{"name": "b"}]}, containers=[container("a")]))
    with pytest.raises(ApiError, match="retainKeys"):
        strategic(BASE, {"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}})
