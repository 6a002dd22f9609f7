"""Lists: pages, versions, tokens, parameters."""

from __future__ import annotations

from typing import Any

from tests.sandbox.api import manifests
from tests.sandbox.api.answers import refused
from tests.sandbox.api.server import ApiServer


def test_pages_of_a_list_are_consistent_while_objects_come_and_go(core: Any, space: str) -> None:
    for i in range(7):
        core.create_namespaced_config_map(space, manifests.config_map(f"m{i}"))
    first = core.list_namespaced_config_map(space, limit=3)
    assert first.metadata.remaining_item_count == 4
    core.delete_namespaced_config_map("m5", space)
    core.create_namespaced_config_map(space, manifests.config_map("m3a"))
    core.patch_namespaced_config_map("m4", space, {"data": {"late": "yes"}})
    names, token = [found.metadata.name for found in first.items], first.metadata._continue
    while token:
        page = core.list_namespaced_config_map(space, limit=3, _continue=token)
        assert page.metadata.resource_version == first.metadata.resource_version
        assert not any(found.data for found in page.items)
        names += [found.metadata.name for found in page.items]
        token = page.metadata._continue
    assert names == [f"m{i}" for i in range(7)]


def test_a_list_can_be_had_as_of_a_version(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, manifests.config_map())
    core.delete_namespaced_config_map("settings", space)
    then = core.list_namespaced_config_map(
        space, resource_version=made.metadata.resource_version, resource_version_match="Exact"
    )
    assert [found.metadata.name for found in then.items] == ["settings"]
    code, _ = refused(lambda: core.list_namespaced_config_map(space, resource_version="99999999"))
    assert code == 504


def test_a_token_of_another_server_is_refused(core: Any, space: str) -> None:
    code, _ = refused(lambda: core.list_namespaced_config_map(space, limit=1, _continue="bm90LW91cnM"))
    assert code == 400


def test_wrong_parameters_are_refused(api: ApiServer, space: str) -> None:
    for wrong in ("fieldSelector=spec.x=1", "labelSelector=a%20in", "resourceVersion=x", "limit=many"):
        assert api.request("GET", f"/api/v1/namespaces/{space}/configmaps?{wrong}").code == 400
