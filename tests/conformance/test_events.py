"""Events in the group that newer clients use."""

from __future__ import annotations

from typing import Any

from tests.conformance.cluster import Cluster

PATH = "/apis/events.k8s.io/v1/namespaces/{}/events"


def event(space: str, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "one", "namespace": space},
        "eventTime": "2026-01-01T00:00:00.123456Z",
        "reportingController": "example.com/watcher",
        "reportingInstance": "watcher-1",
        "action": "Watching",
        "reason": "Seen",
        "type": "Normal",
        "note": "it was there",
        "regarding": {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": space},
    } | more


def test_an_event_is_the_same_object_in_both_groups(cluster: Cluster, core: Any, space: str) -> None:
    assert cluster.request("POST", PATH.format(space), event(space)).code == 201
    older = core.read_namespaced_event("one", space)
    assert (older.message, older.involved_object.name) == ("it was there", "settings")
    assert older.reporting_component == "example.com/watcher"
    newer = cluster.request("GET", f"{PATH.format(space)}/one").json()
    assert (newer["metadata"]["uid"], newer["note"]) == (older.metadata.uid, "it was there")


def test_an_older_event_shows_its_old_fields_as_deprecated(cluster: Cluster, core: Any, space: str) -> None:
    body = {
        "metadata": {"name": "old", "namespace": space},
        "involvedObject": {"kind": "ConfigMap", "name": "settings", "namespace": space},
        "reason": "Seen",
        "message": "it was there",
        "type": "Warning",
        "count": 3,
        "source": {"component": "watcher"},
    }
    assert cluster.request("POST", f"/api/v1/namespaces/{space}/events", body).code == 201
    newer = cluster.request("GET", f"{PATH.format(space)}/old").json()
    assert (newer["deprecatedCount"], newer["deprecatedSource"]) == (3, {"component": "watcher"})
    assert newer["regarding"]["name"] == "settings"


def test_a_newer_event_must_say_who_reports_what(cluster: Cluster, space: str) -> None:
    for missing in ("eventTime", "reportingController", "reportingInstance", "action", "reason"):
        given = event(space)
        del given[missing]
        answer = cluster.request("POST", PATH.format(space), given)
        assert answer.code == 422, missing
        assert missing in {cause["field"] for cause in answer.json()["details"]["causes"]}


def test_kubectl_prints_both_groups_with_the_same_columns(cluster: Cluster, space: str) -> None:
    cluster.request("POST", PATH.format(space), event(space))
    newer = cluster.kubectl("-n", space, "get", "events.events.k8s.io").ok()
    older = cluster.kubectl("-n", space, "get", "events").ok()
    assert newer.splitlines()[0] == older.splitlines()[0]
    assert "configmap/settings" in newer
    assert "it was there" in cluster.kubectl("-n", space, "events").ok()
