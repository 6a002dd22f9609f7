"""Deletion: grace, finalizers, preconditions, propagation, collections."""

from __future__ import annotations

from typing import Any

from drillbook.sandbox.kinds import POD
from tests.sandbox.api import manifests
from tests.sandbox.api.answers import refused
from tests.sandbox.api.server import ApiServer


def test_deletion_of_a_running_pod_waits_for_its_end(api: ApiServer, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    api.run_pod(space, "web")
    marked = core.delete_namespaced_pod("web", space, grace_period_seconds=5)
    assert (marked.metadata.deletion_grace_period_seconds, bool(marked.metadata.deletion_timestamp)) == (5, True)
    assert api.agent.terminated[-1]["metadata"]["uid"] == marked.metadata.uid
    api.do(lambda: api.store.end(POD, space, "web"))
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404


def test_a_shorter_grace_replaces_a_longer_one(api: ApiServer, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    api.run_pod(space, "web")
    core.delete_namespaced_pod("web", space, grace_period_seconds=60)
    assert core.delete_namespaced_pod("web", space, grace_period_seconds=1).metadata.deletion_grace_period_seconds == 1
    assert core.delete_namespaced_pod("web", space, grace_period_seconds=9).metadata.deletion_grace_period_seconds == 1
    core.delete_namespaced_pod("web", space, grace_period_seconds=0)
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404
    assert api.agent.terminated[-1]["metadata"]["name"] == "web"


def test_a_pod_that_runs_nowhere_is_gone_at_once(core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    core.delete_namespaced_pod("web", space)
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404


def test_a_finalizer_holds_an_object_back_until_it_is_gone(core: Any, space: str) -> None:
    held = manifests.config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_config_map(space, held)
    core.delete_namespaced_config_map("settings", space)
    assert core.read_namespaced_config_map("settings", space).metadata.deletion_timestamp
    core.patch_namespaced_config_map("settings", space, {"metadata": {"finalizers": None}})
    assert refused(lambda: core.read_namespaced_config_map("settings", space))[0] == 404


def test_a_finalizer_holds_a_pod_even_after_its_processes(api: ApiServer, core: Any, space: str) -> None:
    held = manifests.pod()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_pod(space, held)
    api.run_pod(space, "web")
    core.delete_namespaced_pod("web", space, grace_period_seconds=5)
    core.patch_namespaced_pod("web", space, [{"op": "remove", "path": "/metadata/finalizers"}])
    assert core.read_namespaced_pod("web", space).metadata.deletion_timestamp, "its process still runs"
    api.do(lambda: api.store.end(POD, space, "web"))
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404


def test_preconditions_guard_against_deleting_a_successor(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, manifests.config_map())
    wrong = {"preconditions": {"uid": "another"}}
    code, status = refused(lambda: core.delete_namespaced_config_map("settings", space, body=wrong))
    assert (code, status["reason"]) == (409, "Conflict")
    assert "Precondition" in status["message"] or "precondition" in status["message"]
    right = {"preconditions": {"uid": made.metadata.uid, "resourceVersion": made.metadata.resource_version}}
    core.delete_namespaced_config_map("settings", space, body=right)


def test_foreground_and_orphan_deletion_wait_for_the_garbage_collector(apps: Any, space: str) -> None:
    for name, policy, finalizer in (("fore", "Foreground", "foregroundDeletion"), ("left", "Orphan", "orphan")):
        apps.create_namespaced_deployment(space, manifests.deployment(name))
        apps.delete_namespaced_deployment(name, space, propagation_policy=policy)
        meta = apps.read_namespaced_deployment(name, space).metadata
        assert meta.finalizers == [finalizer]
        assert meta.deletion_timestamp


def test_a_collection_is_deleted_by_selector(core: Any, space: str) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        core.create_namespaced_config_map(space, manifests.config_map(name, {"app": app}))
    core.delete_collection_namespaced_config_map(space, label_selector="app=x")
    assert [found.metadata.name for found in core.list_namespaced_config_map(space).items] == ["c"]


def test_the_namespaces_that_a_cluster_needs_stay(core: Any) -> None:
    code, status = refused(lambda: core.delete_namespace("kube-system"))
    assert (code, status["reason"]) == (403, "Forbidden")
