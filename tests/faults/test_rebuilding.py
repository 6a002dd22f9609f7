"""What a namespace is made again from: what people decided, and nothing that only that one cluster could give."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.faults.rebuilding import _bare, _differences, _is_made, _rank

META = {
    "name": "api",
    "namespace": "shop",
    "uid": "u-1",
    "resourceVersion": "7",
    "creationTimestamp": "2026-11-21T09:45:00Z",
    "finalizers": ["kubernetes"],
    "labels": {"app": "api"},
    "annotations": {"owner": "us", "deployment.kubernetes.io/revision": "3", "pv.kubernetes.io/bind-completed": "yes"},
}


def item(kind: str, version: str = "v1", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": META, "status": {"phase": "Active"}, **rest}


def test_an_object_keeps_its_name_labels_and_own_annotations_and_loses_its_history() -> None:
    bare = _bare(item("ConfigMap", data={"colour": "green"}))
    assert bare == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "api", "labels": {"app": "api"}, "annotations": {"owner": "us"}},
        "data": {"colour": "green"},
    }


@pytest.mark.parametrize(
    ("kind", "spec", "left"),
    [
        ("Service", {"clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"], "ports": [{"port": 80, "nodePort": 30001}]},
         {"ports": [{"port": 80}]}),
        ("Service", {"clusterIP": "None", "ports": [{"port": 80}]}, {"clusterIP": "None", "ports": [{"port": 80}]}),
        ("PersistentVolumeClaim", {"volumeName": "pv-1", "accessModes": ["ReadWriteOnce"]},
         {"accessModes": ["ReadWriteOnce"]}),
        ("Deployment", {"replicas": 2}, {"replicas": 2}),
    ],
)  # fmt: skip
def test_addresses_ports_of_nodes_and_volumes_are_given_anew(kind: str, spec: Any, left: Any) -> None:
    given = item(kind, spec=spec)
    assert _bare(given)["spec"] == left
    assert given["spec"] == spec, "what was read is not changed"


@pytest.mark.parametrize(
    ("found", "made"),
    [
        (item("ConfigMap"), False),
        ({**item("ConfigMap"), "metadata": {"name": "kube-root-ca.crt"}}, True),
        ({**item("ServiceAccount"), "metadata": {"name": "default"}}, True),
        ({**item("Pod"), "metadata": {**META, "ownerReferences": [{"kind": "ReplicaSet", "controller": True}]}}, True),
        ({**item("Secret"), "type": "kubernetes.io/service-account-token"}, True),
        ({**item("Pod"), "metadata": {**META, "deletionTimestamp": "2026-11-21T09:46:00Z"}}, True),
    ],
)
def test_what_controllers_make_is_left_to_them(found: Any, made: bool) -> None:
    assert _is_made(found) is made


def test_what_is_as_it_was_is_left_alone_and_what_differs_is_put_back_field_by_field() -> None:
    was = _bare(item("Secret", data={"password": "b2xk"}, type="Opaque"))
    assert _differences(was, was) == []
    now = {**was, "data": {"password": "bmV3"}, "immutable": True}
    assert _differences(now, was) == [
        {"op": "add", "path": "/data", "value": {"password": "b2xk"}},
        {"op": "remove", "path": "/immutable"},
    ]


def test_a_certificate_that_was_issued_anew_is_as_good_as_the_old_one() -> None:
    was = _bare(item("Secret", data={"tls.crt": "b2xk"}, type="kubernetes.io/tls"))
    assert _differences({**was, "data": {"tls.crt": "bmV3"}}, was) == []


def test_a_claim_that_is_there_stays_and_a_service_keeps_its_new_address() -> None:
    claim = _bare(item("PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"]}))
    assert _differences({**claim, "spec": {"accessModes": ["ReadWriteMany"]}}, claim) == []
    service = _bare(item("Service", spec={"selector": {"app": "api"}, "ports": [{"port": 80}]}))
    now = {**service, "spec": {**service["spec"], "selector": {"app": "other"}}}
    assert _differences(now, service) == [{"op": "add", "path": "/spec/selector", "value": {"app": "api"}}]


def test_what_others_need_is_made_before_them() -> None:
    kinds = ["Deployment", "Ingress", "Secret", "ServiceAccount", "PersistentVolumeClaim", "StatefulSet"]
    ordered = sorted(kinds, key=_rank)
    assert ordered == ["ServiceAccount", "Secret", "PersistentVolumeClaim", "StatefulSet", "Deployment", "Ingress"]
