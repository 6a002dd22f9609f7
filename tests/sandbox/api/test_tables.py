"""``kubectl get`` shows the columns that people know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.api.tables.cells import duration
from drillbook.sandbox.api.tables.pods import status
from drillbook.sandbox.api.tables.printing import COLUMNS
from drillbook.sandbox.kinds import KINDS, POD
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (600, "10m"), (10799, "179m"), (10800, "3h"),
        (12000, "3h20m"), (28800, "8h"), (172800, "2d"), (180000, "2d2h"), (691200, "8d"), (63072000, "2y"),
        (-5, "<invalid>"),
    ],
)  # fmt: skip
def test_ages_are_shortened_as_kubectl_does(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_ages_are_never_empty(one: int, two: int) -> None:
    assert duration(one)
    assert duration(two)[-1] in "smhdy"


def state(kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": "main", "ready": False, "restartCount": 0, "state": {kind: fields}}


def phase(word: str, *main: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"phase": word, "containerStatuses": list(main), **fields}


DONE = state("terminated", exitCode=0)
COMPLETED = state("terminated", exitCode=0, reason="Completed")
GATED = [{"type": "PodScheduled", "reason": "SchedulingGated"}]


@pytest.mark.parametrize(
    ("status_", "word"),
    [
        (phase("Pending"), "Pending"),
        (phase("Failed", reason="Evicted"), "Evicted"),
        (phase("Running", state("waiting", reason="CrashLoopBackOff")), "CrashLoopBackOff"),
        (phase("Failed", state("terminated", exitCode=137, reason="OOMKilled")), "OOMKilled"),
        (phase("Failed", state("terminated", exitCode=3)), "ExitCode:3"),
        (phase("Failed", state("terminated", exitCode=137, signal=9)), "Signal:9"),
        (phase("Pending", initContainerStatuses=[DONE, state("running")]), "Init:1/2"),
        (phase("Pending", initContainerStatuses=[state("waiting", reason="ErrImagePull")]), "Init:ErrImagePull"),
        (phase("Pending", initContainerStatuses=[state("terminated", exitCode=1, reason="Error")]), "Init:Error"),
        (phase("Pending", conditions=GATED), "SchedulingGated"),
        (phase("Running", COMPLETED, state("running") | {"ready": True}), "NotReady"),
    ],
)
def test_one_word_sums_up_a_pod(status_: dict[str, Any], word: str) -> None:
    spec: dict[str, Any] = {"initContainers": [{}, {}]}
    assert status({"metadata": {}, "spec": spec, "status": status_}) == word
    assert status({"metadata": {"deletionTimestamp": "x"}, "spec": spec, "status": status_}) == "Terminating"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource)
def test_even_an_empty_object_of_every_kind_has_a_row(kind: Any) -> None:
    for obj in ({"metadata": {"name": "x"}}, {"metadata": {"name": "x"}, "spec": {}, "status": {}}):
        cells = [column.cell(obj) for column in COLUMNS.get(kind, ())]
        assert all(cell is not None for cell in cells)


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("pods", "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"),
        ("deployments", "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"),
        ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"),
        ("nodes", "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"),
        ("configmaps", "NAME DATA AGE"),
    ],
)
def test_wide_headers_are_the_known_ones(api: ApiServer, space: str, kind: str, header: str) -> None:
    api.request("POST", f"/api/v1/namespaces/{space}/pods", json.dumps(manifests.pod()).encode())
    api.request("POST", f"/api/v1/namespaces/{space}/services", json.dumps(manifests.service()).encode())
    api.request("POST", f"/api/v1/namespaces/{space}/configmaps", json.dumps(manifests.config_map()).encode())
    path = f"/apis/apps/v1/namespaces/{space}/deployments"
    api.request("POST", path, json.dumps(manifests.deployment()).encode())
    said = api.kubectl("-n", space, "get", kind, "-o", "wide").ok()
    assert " ".join(said.splitlines()[0].split()) == header


def test_a_row_carries_as_much_of_its_object_as_was_asked(api: ApiServer, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/pods"
    api.request("POST", path, json.dumps(manifests.pod()).encode())
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    for include, kind in (("", "PartialObjectMetadata"), ("Object", "Pod"), ("None", None)):
        row = api.request("GET", f"{path}?includeObject={include}", Accept=table).json()["rows"][0]
        assert row["cells"][0] == "web"
        assert (row["object"] or {}).get("kind") == kind
    assert api.request("GET", f"{path}?includeObject=Some", Accept=table).code == 400


def test_metadata_alone_can_be_asked_for(api: ApiServer, space: str) -> None:
    path = f"/api/v1/namespaces/{space}/pods"
    api.request("POST", path, json.dumps(manifests.pod()).encode())
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    found = api.request("GET", path, Accept=accept).json()
    assert found["kind"] == "PartialObjectMetadataList"
    assert set(found["items"][0]) == {"kind", "apiVersion", "metadata"}
    assert api.request("GET", path, Accept="text/html").code == 406


def test_restarts_say_when_the_last_one_was(api: ApiServer, space: str) -> None:
    api.request("POST", f"/api/v1/namespaces/{space}/pods", json.dumps(manifests.pod()).encode())

    def restart(pod: dict[str, Any]) -> None:
        ended = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}
        pod["status"]["containerStatuses"] = [
            state("running") | {"restartCount": 3, "lastState": ended, "image": "a", "imageID": ""}
        ]

    api.do(lambda: api.store.mutate(POD, space, "web", restart))
    assert "3 (" in api.kubectl("-n", space, "get", "pods").ok()
