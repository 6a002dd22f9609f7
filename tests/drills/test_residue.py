"""What is different in a cluster after a drill."""

from __future__ import annotations

import copy
from typing import Any

from drillbook.drills.residue import Name, residue
from drillbook.drills.steps.workloads import RESTARTED

type Object = dict[str, Any]

OURS = ("shop",)


def thing(kind: str, name: str, namespace: str = "shop", **fields: Any) -> Object:
    meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": "7", "generation": 1}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **fields}


def owned(item: Object) -> Object:
    item["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "backend-1", "controller": True}]
    return item


def seen(*items: Object) -> dict[Name, Object]:
    return {
        Name(i["kind"], i["metadata"].get("namespace", ""), i["metadata"]["name"], i["apiVersion"]): i for i in items
    }


def changed(item: Object, **fields: Any) -> Object:
    return copy.deepcopy(item) | fields


def test_nothing_changed_is_no_residue() -> None:
    item = thing("ConfigMap", "settings", data={"a": "1"})
    assert residue(seen(item), seen(copy.deepcopy(item)), OURS) == ()


def test_bookkeeping_and_status_are_no_residue() -> None:
    item = thing("Deployment", "backend", spec={"replicas": 3}, status={"readyReplicas": 3})
    later = changed(item, status={"readyReplicas": 2})
    later["metadata"] |= {"resourceVersion": "99", "generation": 5, "managedFields": [{"manager": "x"}]}
    assert residue(seen(item), seen(later), OURS) == ()


def test_a_changed_object_outside_the_systems_namespaces_is_residue() -> None:
    item = thing("ConfigMap", "settings", "bank", data={"limit": "10"})
    (sentence,) = residue(seen(item), seen(changed(item, data={"limit": "99"})), OURS)
    assert sentence == "ConfigMap bank/settings is changed, outside the system's namespaces: data.limit"
    assert "99" not in sentence


def test_a_changed_configuration_inside_is_residue_too() -> None:
    item = thing("ConfigMap", "settings", data={"POOL": "2"})
    assert residue(seen(item), seen(changed(item, data={"POOL": "9"})), OURS) == (
        "ConfigMap shop/settings is changed, inside the system's namespaces: data.POOL",
    )


def test_replicas_and_images_that_differ_are_residue() -> None:
    before = thing(
        "Deployment", "backend", spec={"replicas": 3, "template": {"spec": {"containers": [{"image": "v1"}]}}}
    )
    after = changed(before, spec={"replicas": 5, "template": {"spec": {"containers": [{"image": "v2"}]}}})
    (sentence,) = residue(seen(before), seen(after), OURS)
    assert sentence.endswith("spec.replicas, spec.template.spec.containers[0].image")


def test_replicas_are_the_autoscaler_s_within_its_bounds_and_nobody_s_beyond() -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"}
    scaler = thing("HorizontalPodAutoscaler", "backend", spec={"scaleTargetRef": target, "maxReplicas": 4})
    before = thing("Deployment", "backend", spec={"replicas": 2})
    within, beyond = changed(before, spec={"replicas": 4}), changed(before, spec={"replicas": 0})
    assert residue(seen(before, scaler), seen(within, scaler), OURS) == ()
    (sentence,) = residue(seen(before, scaler), seen(beyond, scaler), OURS)
    assert sentence.endswith("spec.replicas")


def test_a_pod_that_its_controller_replaced_is_no_residue_inside() -> None:
    before, after = owned(thing("Pod", "backend-1-aaa")), owned(thing("Pod", "backend-1-bbb"))
    assert residue(seen(before), seen(after), OURS) == ()


def test_a_pod_that_was_replaced_outside_is_residue() -> None:
    before, after = owned(thing("Pod", "api-1-aaa", "bank")), owned(thing("Pod", "api-1-bbb", "bank"))
    found = residue(seen(before), seen(after), OURS)
    assert [s.split(",")[0] for s in found] == ["Pod bank/api-1-aaa is gone", "Pod bank/api-1-bbb is new"]


def test_a_pod_without_a_controller_that_is_gone_is_residue_inside_too() -> None:
    assert residue(seen(thing("Pod", "debug")), {}, OURS) == ("Pod shop/debug is gone, inside the system's namespaces",)


def test_something_left_behind_is_residue() -> None:
    (sentence,) = residue({}, seen(thing("ConfigMap", "drillbook-undo-x")), OURS)
    assert sentence == "ConfigMap shop/drillbook-undo-x is new, inside the system's namespaces"


def test_an_object_without_a_namespace_is_outside() -> None:
    node = thing("Node", "node-1", "", spec={})
    (sentence,) = residue(seen(node), seen(changed(node, spec={"unschedulable": True})), OURS)
    assert sentence == "Node node-1 is changed, outside the system's namespaces: spec.unschedulable"


def test_an_object_that_was_deleted_and_made_again_is_changed() -> None:
    before = thing("Secret", "keys", data={"a": "digest"})
    after = copy.deepcopy(before)
    after["metadata"]["uid"] = "another"
    assert residue(seen(before), seen(after), OURS)[0].endswith("metadata.uid")


def test_what_the_procedure_says_is_expected_and_nothing_beside_it() -> None:
    before = thing("Deployment", "backend", spec={"replicas": 3, "template": {"metadata": {"labels": {"app": "b"}}}})
    after = copy.deepcopy(before)
    after["spec"]["template"]["metadata"]["annotations"] = {RESTARTED: "2026-01-01T00:00:00Z"}
    expected = {("Deployment", "shop", "backend"): {f"spec.template.metadata.annotations.{RESTARTED}"}}
    assert residue(seen(before), seen(after), OURS, expected) == ()
    after["spec"]["replicas"] = 4
    (sentence,) = residue(seen(before), seen(after), OURS, expected)
    assert sentence.endswith(": spec.replicas")
