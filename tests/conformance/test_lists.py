"""Lists: selectors, pages, versions, tables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster, refused
from tests.conformance.objects import config_map

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture
def three(core: Any, space: str) -> str:
    """A namespace with three config maps and different labels."""
    core.create_namespaced_config_map(space, config_map("one", {"app": "web", "tier": "front"}))
    core.create_namespaced_config_map(space, config_map("two", {"app": "web"}))
    core.create_namespaced_config_map(space, config_map("three", {"app": "db"}))
    return space


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=web", {"one", "two"}),
        ("app==web,tier=front", {"one"}),
        ("app!=web", {"three"}),
        ("app in (web,db)", {"one", "two", "three"}),
        ("app notin (web)", {"three"}),
        ("tier", {"one"}),
        ("!tier,app", {"two", "three"}),
        ("tier!=front,app=web", {"two"}),
    ],
)
def test_label_selectors(core: Any, three: str, selector: str, names: set[str]) -> None:
    every = core.list_namespaced_config_map(three, label_selector=selector).items
    found = [item for item in every if item.metadata.name != "kube-root-ca.crt"]
    assert {item.metadata.name for item in found} == names


def test_field_selectors(core: Any, three: str) -> None:
    found = core.list_namespaced_config_map(three, field_selector="metadata.name=two").items
    assert [item.metadata.name for item in found] == ["two"]
    found = core.list_namespaced_config_map(three, field_selector="metadata.name!=two", label_selector="app=web").items
    assert [item.metadata.name for item in found] == ["one"]
    found = core.list_config_map_for_all_namespaces(
        field_selector=f"metadata.namespace={three}", label_selector="app"
    ).items
    assert {item.metadata.name for item in found} == {"one", "two", "three"}


def test_an_unsupported_field_selector_is_a_bad_request(core: Any, space: str) -> None:
    code, status = refused(lambda: core.list_namespaced_config_map(space, field_selector="data.a=1"))
    assert (code, status["reason"]) == (400, "BadRequest")
    assert "data.a" in status["message"]


def test_a_selector_that_cannot_be_read_is_a_bad_request(core: Any, space: str) -> None:
    assert refused(lambda: core.list_namespaced_config_map(space, label_selector="app in"))[0] == 400


def test_events_are_selected_by_the_object_they_are_about(core: Any, space: str) -> None:
    for name, kind in (("e1", "Pod"), ("e2", "Node")):
        event = {
            "metadata": {"name": name},
            "involvedObject": {"kind": kind, "name": "x", "namespace": space, "uid": name},
            "reason": "Because",
            "type": "Warning" if name == "e1" else "Normal",
        }
        core.create_namespaced_event(space, event)
    for selector in ("involvedObject.kind=Pod", "type=Warning", "involvedObject.uid=e1", "involvedObject.kind!=Node"):
        found = core.list_namespaced_event(space, field_selector=f"reason=Because,{selector}").items
        assert [item.metadata.name for item in found] == ["e1"], selector


def test_pages_show_the_list_as_it_was_when_the_first_was_asked_for(core: Any, space: str) -> None:
    for i in range(5):
        core.create_namespaced_config_map(space, config_map(f"m{i}", {"paged": "yes"}))
    page = core.list_namespaced_config_map(space, label_selector="paged=yes", limit=2)
    version = page.metadata.resource_version
    core.delete_namespaced_config_map("m3", space)
    core.create_namespaced_config_map(space, config_map("m2a", {"paged": "yes"}))
    names = [item.metadata.name for item in page.items]
    while page.metadata._continue:
        page = core.list_namespaced_config_map(
            space, label_selector="paged=yes", limit=2, _continue=page.metadata._continue
        )
        assert page.metadata.resource_version == version
        names += [item.metadata.name for item in page.items]
    assert names == ["m0", "m1", "m2", "m3", "m4"]


def test_the_first_page_says_how_many_are_left(core: Any, space: str) -> None:
    for i in range(4):
        core.create_namespaced_config_map(space, config_map(f"m{i}"))
    every = len(core.list_namespaced_config_map(space).items)
    assert core.list_namespaced_config_map(space, limit=3).metadata.remaining_item_count == every - 3


def test_a_continue_token_that_was_never_issued_is_a_bad_request(core: Any, space: str) -> None:
    assert refused(lambda: core.list_namespaced_config_map(space, limit=1, _continue="bm9uc2Vuc2U"))[0] == 400


def test_a_list_exactly_at_a_version(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, config_map("gone"))
    core.delete_namespaced_config_map("gone", space)
    found = core.list_namespaced_config_map(
        space, resource_version=made.metadata.resource_version, resource_version_match="Exact"
    )
    assert "gone" in {item.metadata.name for item in found.items}


def test_a_list_is_in_the_order_of_names(core: Any, space: str) -> None:
    for name in ("b", "a", "c"):
        core.create_namespaced_config_map(space, config_map(name, {"sorted": "yes"}))
    found = core.list_namespaced_config_map(space, label_selector="sorted").items
    assert [item.metadata.name for item in found] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/api/v1/namespaces/{}/pods", "Name Ready Status Restarts Age IP Node Nominated_Node Readiness_Gates"),
        ("/api/v1/namespaces/{}/services", "Name Type Cluster-IP External-IP Port(s) Age Selector"),
        ("/api/v1/namespaces/{}/configmaps", "Name Data Age"),
        ("/api/v1/namespaces/{}/secrets", "Name Type Data Age"),
        ("/api/v1/namespaces/{}/endpoints", "Name Endpoints Age"),
        ("/apis/apps/v1/namespaces/{}/deployments", "Name Ready Up-to-date Available Age Containers Images Selector"),
        ("/apis/apps/v1/namespaces/{}/replicasets", "Name Desired Current Ready Age Containers Images Selector"),
        ("/apis/apps/v1/namespaces/{}/statefulsets", "Name Ready Age Containers Images"),
        ("/apis/networking.k8s.io/v1/namespaces/{}/ingresses", "Name Class Hosts Address Ports Age"),
        ("/apis/coordination.k8s.io/v1/namespaces/{}/leases", "Name Holder Age"),
    ],
)
def test_tables_have_the_known_columns(cluster: Cluster, space: str, path: str, columns: str) -> None:
    table = cluster.request("GET", path.format(space), Accept=TABLE).json()
    assert table["kind"] == "Table"
    assert [column["name"].replace(" ", "_") for column in table["columnDefinitions"]] == columns.split()


def test_table_rows_carry_the_metadata_of_their_objects(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map("mine", a="1", b="2"))
    path = f"/api/v1/namespaces/{space}/configmaps?fieldSelector=metadata.name=mine"
    (row,) = cluster.request("GET", path, Accept=TABLE).json()["rows"]
    assert row["cells"][:2] == ["mine", 2]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["name"] == "mine"
    (row,) = cluster.request("GET", f"{path}&includeObject=Object", Accept=TABLE).json()["rows"]
    assert row["object"]["data"] == {"a": "1", "b": "2"}


def test_metadata_alone_can_be_listed(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map("mine", a="1"))
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    found = cluster.request("GET", f"/api/v1/namespaces/{space}/configmaps", Accept=accept).json()
    assert found["kind"] == "PartialObjectMetadataList"
    assert not any("data" in item for item in found["items"])
