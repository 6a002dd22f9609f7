"""Deletion: grace, finalizers, preconditions, dependents, namespaces."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conformance.cluster import Cluster, refused
from tests.conformance.looks import gone
from tests.conformance.objects import config_map, deployment, pod


def test_a_deleted_object_is_gone(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map())
    core.delete_namespaced_config_map("settings", space)
    assert refused(lambda: core.read_namespaced_config_map("settings", space))[0] == 404
    assert refused(lambda: core.delete_namespaced_config_map("settings", space))[0] == 404


def test_a_finalizer_holds_an_object_back(core: Any, space: str) -> None:
    held = config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_config_map(space, held)
    core.delete_namespaced_config_map("settings", space)
    assert core.read_namespaced_config_map("settings", space).metadata.deletion_timestamp
    core.patch_namespaced_config_map("settings", space, {"metadata": {"finalizers": None}})
    assert refused(lambda: core.read_namespaced_config_map("settings", space))[0] == 404


def test_no_finalizer_can_be_added_to_what_is_being_deleted(core: Any, space: str) -> None:
    held = config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_config_map(space, held)
    core.delete_namespaced_config_map("settings", space)
    patch = {"metadata": {"finalizers": ["example.com/hold", "example.com/late"]}}
    assert refused(lambda: core.patch_namespaced_config_map("settings", space, patch))[0] == 422
    core.patch_namespaced_config_map("settings", space, {"metadata": {"finalizers": None}})


def test_a_precondition_guards_against_deleting_a_successor(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, config_map())
    wrong = {"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}
    code, status = refused(lambda: core.delete_namespaced_config_map("settings", space, body=wrong))
    assert (code, status["reason"]) == (409, "Conflict")
    stale = {"preconditions": {"resourceVersion": "1"}}
    assert refused(lambda: core.delete_namespaced_config_map("settings", space, body=stale))[0] == 409
    core.delete_namespaced_config_map("settings", space, body={"preconditions": {"uid": made.metadata.uid}})


def test_a_collection_is_deleted_by_its_labels(core: Any, space: str) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        core.create_namespaced_config_map(space, config_map(name, {"app": app}))
    core.delete_collection_namespaced_config_map(space, label_selector="app=x")
    left = core.list_namespaced_config_map(space, label_selector="app").items
    assert [item.metadata.name for item in left] == ["c"]


@pytest.mark.slow
def test_a_running_pod_is_given_its_grace(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, pod(cluster.images.shell, "trap '' TERM; while true; do sleep 0.2; done"))
    cluster.eventually(lambda: core.read_namespaced_pod("one", space).status.phase == "Running")
    time.sleep(1)  # the shell has to come as far as its trap
    started = time.monotonic()
    marked = core.delete_namespaced_pod("one", space, grace_period_seconds=3)
    assert marked.metadata.deletion_timestamp
    assert marked.metadata.deletion_grace_period_seconds == 3
    gone(cluster, lambda: core.read_namespaced_pod("one", space))
    assert time.monotonic() - started > 2.5, "a process that ignores SIGTERM keeps its grace"


def test_a_pod_that_ends_on_its_signal_is_gone_before_its_grace_is_over(
    cluster: Cluster, core: Any, space: str
) -> None:
    core.create_namespaced_pod(space, pod(cluster.images.shell))
    cluster.eventually(lambda: "started" in core.read_namespaced_pod_log("one", space))
    started = time.monotonic()
    core.delete_namespaced_pod("one", space, grace_period_seconds=60)
    gone(cluster, lambda: core.read_namespaced_pod("one", space))
    assert time.monotonic() - started < 40


def test_a_forced_deletion_is_immediate(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, pod(cluster.images.shell, "trap '' TERM; while true; do sleep 0.2; done"))
    cluster.eventually(lambda: core.read_namespaced_pod("one", space).status.phase == "Running")
    core.delete_namespaced_pod("one", space, grace_period_seconds=0)
    assert refused(lambda: core.read_namespaced_pod("one", space))[0] == 404


def test_dependents_are_deleted_with_their_owner(cluster: Cluster, core: Any, apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell))
    cluster.eventually(lambda: core.list_namespaced_pod(space).items)
    apps.delete_namespaced_deployment("web", space, propagation_policy="Background")
    assert refused(lambda: apps.read_namespaced_deployment("web", space))[0] == 404
    cluster.eventually(lambda: not apps.list_namespaced_replica_set(space).items)
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)


def test_in_the_foreground_the_owner_goes_last(cluster: Cluster, core: Any, apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell))
    cluster.eventually(lambda: apps.read_namespaced_deployment("web", space).status.ready_replicas)
    apps.delete_namespaced_deployment("web", space, propagation_policy="Foreground")
    meta = apps.read_namespaced_deployment("web", space).metadata
    assert meta.deletion_timestamp
    assert "foregroundDeletion" in meta.finalizers
    gone(cluster, lambda: apps.read_namespaced_deployment("web", space))
    assert not apps.list_namespaced_replica_set(space).items
    assert not core.list_namespaced_pod(space).items


@pytest.mark.slow
def test_orphans_outlive_their_owner(cluster: Cluster, core: Any, apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell))
    cluster.eventually(lambda: core.list_namespaced_pod(space).items)
    apps.delete_namespaced_deployment("web", space, propagation_policy="Orphan")
    gone(cluster, lambda: apps.read_namespaced_deployment("web", space))
    time.sleep(1)
    (orphan,) = apps.list_namespaced_replica_set(space).items
    assert not orphan.metadata.owner_references
    assert core.list_namespaced_pod(space).items


def test_a_namespace_takes_everything_along(cluster: Cluster, core: Any, apps: Any) -> None:
    name = core.create_namespace({"metadata": {"generateName": "conformance-"}}).metadata.name
    cluster.eventually(lambda: core.read_namespaced_service_account("default", name))
    core.create_namespaced_config_map(name, config_map())
    apps.create_namespaced_deployment(name, deployment(cluster.images.shell))
    core.delete_namespace(name)
    gone(cluster, lambda: core.read_namespace(name))
    assert not core.list_pod_for_all_namespaces(field_selector=f"metadata.namespace={name}").items
    assert refused(lambda: core.create_namespaced_config_map(name, config_map()))[0] == 404


def test_nothing_is_created_in_a_namespace_that_is_going_away(cluster: Cluster, core: Any) -> None:
    name = core.create_namespace({"metadata": {"generateName": "conformance-"}}).metadata.name
    held = config_map("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_config_map(name, held)
    core.delete_namespace(name)
    try:
        assert core.read_namespace(name).status.phase == "Terminating"
        code, status = refused(lambda: core.create_namespaced_config_map(name, config_map("late")))
        assert (code, status["reason"]) == (403, "Forbidden")
        assert "because it is being terminated" in status["message"]
        assert status["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    finally:
        core.patch_namespaced_config_map("held", name, {"metadata": {"finalizers": None}})
    gone(cluster, lambda: core.read_namespace(name))


def test_the_namespaces_of_the_system_cannot_be_deleted(core: Any) -> None:
    for name in ("default", "kube-system"):
        code, status = refused(lambda name=name: core.delete_namespace(name))  # type: ignore[misc]
        assert (code, status["reason"]) == (403, "Forbidden")
