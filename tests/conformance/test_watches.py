"""Watches: order, selectors, bookmarks, time."""

from __future__ import annotations

import importlib
import time
from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.objects import config_map


def events(core: Any, space: str, count: int, **options: Any) -> list[tuple[str, str]]:
    """Type and name of the first events of a watch of config maps."""
    watching = importlib.import_module("kubernetes.watch").Watch()
    seen: list[tuple[str, str]] = []
    for event in watching.stream(core.list_namespaced_config_map, space, timeout_seconds=20, **options):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == count:
            watching.stop()
    return seen


def test_a_watch_from_a_version_tells_everything_since_in_order(core: Any, space: str) -> None:
    version = core.list_namespaced_config_map(space).metadata.resource_version
    core.create_namespaced_config_map(space, config_map("one"))
    core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    core.create_namespaced_config_map(space, config_map("two"))
    core.delete_namespaced_config_map("one", space)
    assert events(core, space, 4, resource_version=version, field_selector="metadata.name!=kube-root-ca.crt") == [
        ("ADDED", "one"), ("MODIFIED", "one"), ("ADDED", "two"), ("DELETED", "one"),
    ]  # fmt: skip


def test_a_watch_without_a_version_begins_with_what_is_there(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map("one", {"mine": "yes"}))
    core.create_namespaced_config_map(space, config_map("two", {"mine": "yes"}))
    seen = events(core, space, 2, label_selector="mine=yes")
    assert sorted(seen) == [("ADDED", "one"), ("ADDED", "two")]


def test_an_object_that_stops_matching_the_selector_is_deleted_for_the_watcher(core: Any, space: str) -> None:
    version = core.list_namespaced_config_map(space).metadata.resource_version
    core.create_namespaced_config_map(space, config_map("one", {"app": "db"}))
    for app in ("web", "db", "web"):
        core.patch_namespaced_config_map("one", space, {"metadata": {"labels": {"app": app}}})
    assert [type_ for type_, _ in events(core, space, 3, resource_version=version, label_selector="app=web")] == [
        "ADDED", "DELETED", "ADDED",
    ]  # fmt: skip


def test_the_versions_of_events_grow(core: Any, space: str) -> None:
    version = core.list_namespaced_config_map(space).metadata.resource_version
    core.create_namespaced_config_map(space, config_map("one"))
    core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    core.delete_namespaced_config_map("one", space)
    watching = importlib.import_module("kubernetes.watch").Watch()
    versions = [int(version)]
    options = {"resource_version": version, "field_selector": "metadata.name=one", "timeout_seconds": 20}
    for event in watching.stream(core.list_namespaced_config_map, space, **options):
        versions.append(int(event["object"].metadata.resource_version))
        if len(versions) == 4:
            watching.stop()
    assert versions == sorted(set(versions))
    assert len(versions) == 4


def test_a_watch_ends_when_its_time_is_over(cluster: Cluster, space: str) -> None:
    started = time.monotonic()
    answer = cluster.request("GET", f"/api/v1/namespaces/{space}/secrets?watch=1&timeoutSeconds=1&resourceVersion=0")
    assert answer.code == 200
    assert 0.8 < time.monotonic() - started < 20


@pytest.mark.slow
def test_the_initial_events_end_with_a_bookmark(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map("one"))
    query = "watch=1&timeoutSeconds=2&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    answer = cluster.request("GET", f"/api/v1/namespaces/{space}/configmaps?{query}")
    if answer.code == 422 and "WatchList" in answer.json()["message"]:
        cluster.not_applicable("the cluster's feature WatchList is off, as it is by default in some versions")
    lines = answer.body.decode().splitlines()
    ends = [i for i, line in enumerate(lines) if '"k8s.io/initial-events-end":"true"' in line.replace(" ", "")]
    assert ends, "there is no bookmark that says that the initial events are over"
    assert '"BOOKMARK"' in lines[ends[0]]
    assert any('"one"' in line for line in lines[: ends[0]])


def test_a_watch_with_a_version_that_is_no_number_is_refused(cluster: Cluster, space: str) -> None:
    assert cluster.request("GET", f"/api/v1/namespaces/{space}/configmaps?watch=1&resourceVersion=abc").code >= 400
