"""Events in their two groups."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drillbook.sandbox.events import Recorder
from tests.sandbox.api.server import Answer, ApiServer

PATH = "/apis/events.k8s.io/v1/namespaces/{}/events"
POD_OBJECT = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "uid": "1"}}


def newer(api: ApiServer, space: str, query: str = "") -> list[dict[str, Any]]:
    """The events in the newer form, as JSON: the official client can't read one without an ``eventTime``."""
    found: list[dict[str, Any]] = api.request("GET", f"{PATH.format(space)}{query}").json()["items"]
    return found


def create(api: ApiServer, given: dict[str, Any]) -> Answer:
    path = PATH.format(given["metadata"]["namespace"])
    return api.request("POST", path, json.dumps(given).encode(), **{"Content-Type": "application/json"})


def event(space: str, **more: Any) -> dict[str, Any]:
    """An event as newer clients send it."""
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
        "regarding": {"kind": "Pod", "name": "web", "namespace": space},
    } | more


def record(api: ApiServer, space: str) -> None:
    about = POD_OBJECT | {"metadata": {"name": "web", "namespace": space, "uid": "1"}}
    recorder = Recorder(api.store)
    for _ in range(2):
        recorder.warning(about, "kubelet", "BackOff", "again", host="node-1", field="spec.containers{main}")


def test_an_event_of_the_sandbox_is_told_by_the_newer_names(api: ApiServer, space: str) -> None:
    record(api, space)
    (found,) = newer(api, space)
    assert (found["note"], found["reason"], found["type"], found["deprecatedCount"]) == (
        "again",
        "BackOff",
        "Warning",
        2,
    )
    assert (found["regarding"]["kind"], found["regarding"]["fieldPath"]) == ("Pod", "spec.containers{main}")
    assert (found["reportingController"], found["deprecatedSource"]["host"]) == ("kubelet", "node-1")
    assert not {"message", "involvedObject", "count", "source"} & found.keys()


def test_an_event_given_in_the_newer_form_reads_as_an_older_one(api: ApiServer, core: Any, space: str) -> None:
    assert create(api, event(space)).code == 201
    found = core.read_namespaced_event("one", space)
    assert (found.message, found.involved_object.name, found.reporting_component) == (
        "it was there",
        "web",
        "example.com/watcher",
    )
    assert found.event_time.microsecond == 123456
    assert newer(api, space)[0]["note"] == "it was there"


@pytest.mark.parametrize(
    "missing", ["eventTime", "reportingController", "reportingInstance", "action", "reason", "type"]
)
def test_the_newer_form_asks_for_more(api: ApiServer, space: str, missing: str) -> None:
    given = event(space)
    del given[missing]
    answer = create(api, given)
    assert answer.code == 422
    assert [cause["field"] for cause in answer.json()["details"]["causes"]] == [missing]


def test_selectors_go_by_the_newer_names(api: ApiServer, space: str) -> None:
    record(api, space)
    create(api, event(space, regarding={"kind": "Job", "name": "x", "namespace": space}))
    found = newer(api, space, "?fieldSelector=regarding.kind%3DJob")
    assert [one["metadata"]["name"] for one in found] == ["one"]


def test_kubectl_prints_both_forms_alike(api: ApiServer, space: str) -> None:
    record(api, space)
    newer = api.kubectl("get", "events.events.k8s.io", "-n", space).ok()
    assert newer.split("\n")[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert newer == api.kubectl("get", "events", "-n", space).ok()
    assert "pod/web" in newer
    assert "BackOff" in api.kubectl("events", "-n", space).ok()
