"""A watch tells everything that happens, in order, as its selectors see it."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from drillbook.sandbox import store as stores
from tests.sandbox.api import manifests
from tests.sandbox.api.server import TOKEN, ApiServer, official


class Watching:
    """An open watch: one line at a time."""

    def __init__(self, api: ApiServer, path: str, **options: Any) -> None:
        context = ssl.create_default_context(cafile=str(api.ca))
        self._connection = http.client.HTTPSConnection("127.0.0.1", api.port, context=context, timeout=10)
        query = urlencode({"watch": "1"} | options)
        self._connection.request("GET", f"{path}?{query}", headers={"Authorization": f"Bearer {TOKEN}"})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def next(self) -> Any:
        """The next event; None when the watch has ended."""
        line = self._answer.readline()
        return json.loads(line) if line else None

    def names(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        events = [self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events]

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def maps(space: str) -> str:
    """The path of config maps in the test's namespace."""
    return f"/api/v1/namespaces/{space}/configmaps"


def test_a_watch_begins_with_what_is_there_and_goes_on(api: ApiServer, core: Any, space: str, maps: str) -> None:
    core.create_namespaced_config_map(space, manifests.config_map("one"))
    watching = Watching(api, maps)
    assert watching.names(1) == [("ADDED", "one")]
    core.create_namespaced_config_map(space, manifests.config_map("two"))
    core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    core.delete_namespaced_config_map("two", space)
    assert watching.names(3) == [("ADDED", "two"), ("MODIFIED", "one"), ("DELETED", "two")]
    watching.close()


def test_a_watch_from_a_version_tells_what_came_after_it(api: ApiServer, core: Any, space: str, maps: str) -> None:
    core.create_namespaced_config_map(space, manifests.config_map("one"))
    version = core.list_namespaced_config_map(space).metadata.resource_version
    core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    core.delete_namespaced_config_map("one", space)
    watching = Watching(api, maps, resourceVersion=version)
    events = [watching.next() for _ in range(2)]
    assert [event["type"] for event in events] == ["MODIFIED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert int(version) < versions[0] < versions[1]
    watching.close()


def test_other_namespaces_are_out_of_sight(api: ApiServer, core: Any, space: str, maps: str) -> None:
    watching = Watching(api, maps)
    core.create_namespaced_config_map("default", manifests.config_map(f"not-{space}"))
    core.create_namespaced_config_map(space, manifests.config_map("mine"))
    assert watching.names(1) == [("ADDED", "mine")]
    watching.close()


def test_an_object_that_stops_matching_is_deleted_for_that_watcher(
    api: ApiServer, core: Any, space: str, maps: str
) -> None:
    watching = Watching(api, maps, labelSelector="app=web")
    core.create_namespaced_config_map(space, manifests.config_map("one", {"app": "db"}))
    core.patch_namespaced_config_map("one", space, {"metadata": {"labels": {"app": "web"}}})
    core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    core.patch_namespaced_config_map("one", space, {"metadata": {"labels": {"app": "db"}}})
    core.delete_namespaced_config_map("one", space)
    core.create_namespaced_config_map(space, manifests.config_map("two", {"app": "web"}))
    events = [watching.next() for _ in range(4)]
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]
    assert events[2]["object"]["metadata"]["labels"] == {"app": "web"}, "as the watcher last knew it"
    watching.close()


def test_a_field_selector_watches_pods_of_one_phase(api: ApiServer, core: Any, space: str) -> None:
    watching = Watching(api, f"/api/v1/namespaces/{space}/pods", fieldSelector="status.phase=Running")
    core.create_namespaced_pod(space, manifests.pod())
    api.run_pod(space, "web")
    assert watching.names(1) == [("ADDED", "web")]
    watching.close()


def test_a_watch_ends_after_its_time(api: ApiServer, maps: str) -> None:
    started = time.monotonic()
    watching = Watching(api, maps, timeoutSeconds=1)
    assert watching.next() is None
    assert 0.9 < time.monotonic() - started < 5


def test_a_version_beyond_the_history_is_expired(
    api: ApiServer, core: Any, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "HISTORY", 5)
    kind_path = f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases"
    for i in range(8):
        api.request("POST", kind_path, json.dumps({"metadata": {"name": f"l{i}"}}).encode())
    watching = Watching(api, kind_path, resourceVersion="1")
    event = watching.next()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert watching.next() is None


def test_initial_events_end_with_a_bookmark(api: ApiServer, core: Any, space: str, maps: str) -> None:
    core.create_namespaced_config_map(space, manifests.config_map("one"))
    watching = Watching(
        api, maps, sendInitialEvents="true", allowWatchBookmarks="true", resourceVersionMatch="NotOlderThan"
    )
    assert watching.names(1) == [("ADDED", "one")]
    bookmark = watching.next()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "ConfigMap"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    watching.close()


def test_bookmarks_come_while_nothing_happens(api: ApiServer, maps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.sandbox.api.watching._BOOKMARK_EVERY", 0.2)
    watching = Watching(api, maps, allowWatchBookmarks="true")
    assert [watching.next()["type"] for _ in range(2)] == ["BOOKMARK", "BOOKMARK"]
    watching.close()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("sendInitialEvents=true", 400),
        ("resourceVersionMatch=Exact", 400),
        ("resourceVersion=abc", 400),
        ("resourceVersion=99999999", 504),
        ("timeoutSeconds=soon", 400),
        ("labelSelector=a%20in", 400),
    ],
)
def test_a_watch_that_cannot_be_is_refused(api: ApiServer, maps: str, query: str, code: int) -> None:
    assert api.request("GET", f"{maps}?watch=1&{query}").code == code


def test_a_watch_of_one_name_sees_that_object_only(api: ApiServer, core: Any, space: str, maps: str) -> None:
    watching = Watching(api, f"{maps}/one")
    core.create_namespaced_config_map(space, manifests.config_map("two"))
    core.create_namespaced_config_map(space, manifests.config_map("one"))
    assert watching.names(1) == [("ADDED", "one")]
    watching.close()


def test_a_watcher_that_leaves_is_forgotten(api: ApiServer, maps: str) -> None:
    def open_watches() -> int:
        return api.do(lambda: len(api.store._subscriptions))

    before = open_watches()
    watchers = [Watching(api, maps) for _ in range(10)]
    assert open_watches() == before + 10
    for watching in watchers:
        watching.close()
    for _ in range(50):
        if open_watches() == before:
            break
        time.sleep(0.1)
    assert open_watches() == before


def test_fifty_watchers_all_hear_everything(api: ApiServer, core: Any, space: str, maps: str) -> None:
    watchers = [Watching(api, maps) for _ in range(50)]
    expected = [("ADDED", f"m{i}") for i in range(20)]
    for _, name in expected:
        core.create_namespaced_config_map(space, manifests.config_map(name))
    assert all(watching.names(20) == expected for watching in watchers)
    for watching in watchers:
        watching.close()


@pytest.fixture
def informer(client: Any) -> Iterator[Any]:
    """The official client's watch helper."""
    watching = official("watch").Watch()
    yield watching
    watching.stop()


def test_the_official_clients_watch_works(informer: Any, core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, manifests.config_map("one"))
    seen = []
    for event in informer.stream(core.list_namespaced_config_map, space, timeout_seconds=5):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.delete_namespaced_config_map("one", space)
        if len(seen) == 2:
            break
    assert seen == [("ADDED", "one"), ("DELETED", "one")]
