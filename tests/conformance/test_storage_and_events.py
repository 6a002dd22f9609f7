"""Claims and volumes; events; priorities of pods."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster, refused
from tests.conformance.looks import ended, execute, gone, running
from tests.conformance.objects import pod

SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}


def using(shell: str, claim: str = "data", name: str = "one", **spec: Any) -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    mounts = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    return pod(shell, name=name, container=mounts, volumes=volumes, **spec)


def test_a_claim_gets_the_default_class_and_a_volume_of_its_own(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    made = core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "data"}, "spec": SPEC})
    assert made.spec.storage_class_name
    core.create_namespaced_pod(space, using(shell))
    running(cluster, core, space)
    bound = core.read_namespaced_persistent_volume_claim("data", space)
    assert (bound.status.phase, bound.status.access_modes) == ("Bound", ["ReadWriteOnce"])
    volume = core.read_persistent_volume(bound.spec.volume_name)
    assert (volume.status.phase, volume.spec.claim_ref.name, volume.spec.claim_ref.namespace) == (
        "Bound",
        "data",
        space,
    )


def test_a_claim_in_use_is_deleted_when_its_pod_is_gone(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "data"}, "spec": SPEC})
    core.create_namespaced_pod(space, using(shell))
    running(cluster, core, space)
    core.delete_namespaced_persistent_volume_claim("data", space)
    held = core.read_namespaced_persistent_volume_claim("data", space)
    assert held.metadata.deletion_timestamp
    assert "kubernetes.io/pvc-protection" in held.metadata.finalizers
    core.delete_namespaced_pod("one", space)
    gone(cluster, lambda: core.read_namespaced_persistent_volume_claim("data", space))


def test_a_volume_goes_with_its_claim(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "data"}, "spec": SPEC})
    core.create_namespaced_pod(space, using(shell, restartPolicy="Never"))
    running(cluster, core, space)
    volume = core.read_namespaced_persistent_volume_claim("data", space).spec.volume_name
    cluster.kubectl("-n", space, "delete", "pod/one", "pvc/data").ok()
    gone(cluster, lambda: core.read_persistent_volume(volume))


def test_a_pod_waits_for_a_claim_that_is_not_there(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, using(shell, "missing"))
    cluster.eventually(
        lambda: "missing" in cluster.kubectl("-n", space, "describe", "pod", "one").ok().partition("Events:")[2]
    )
    assert core.read_namespaced_pod("one", space).status.phase == "Pending"
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "missing"}, "spec": SPEC})
    running(cluster, core, space)


def test_a_claim_of_a_class_that_is_not_there_stays_pending(cluster: Cluster, core: Any, space: str) -> None:
    spec = SPEC | {"storageClassName": "conformance-none"}
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "data"}, "spec": spec})
    selector = "involvedObject.kind=PersistentVolumeClaim,involvedObject.name=data"
    found = cluster.eventually(lambda: core.list_namespaced_event(space, field_selector=selector).items)
    assert found[0].reason == "ProvisioningFailed"
    assert core.read_namespaced_persistent_volume_claim("data", space).status.phase == "Pending"


def test_the_next_pod_finds_what_the_one_before_wrote(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "data"}, "spec": SPEC})
    core.create_namespaced_pod(space, using(shell))
    running(cluster, core, space)
    assert execute(cluster, space, "sh", "-c", "echo kept > /data/file; sync").returncode == 0
    cluster.kubectl("-n", space, "delete", "pod", "one").ok()
    core.create_namespaced_pod(space, using(shell, name="two"))
    running(cluster, core, space, "two")
    assert execute(cluster, space, "cat", "/data/file", pod="two").read_stdout() == "kept\n"


@pytest.mark.slow
def test_repeated_events_are_counted_and_not_repeated(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    core.create_namespaced_pod(space, pod(shell, container={"readinessProbe": probe}))
    selector = "involvedObject.name=one,reason=Unhealthy"

    def counted() -> Any:
        (found, *more) = core.list_namespaced_event(space, field_selector=selector).items or [None]
        return found and not more and (found.count or 0) >= 2 and found

    found = cluster.eventually(counted)
    assert (found.type, found.involved_object.kind, found.involved_object.name) == ("Warning", "Pod", "one")
    assert found.involved_object.field_path == "spec.containers{main}"
    assert found.first_timestamp <= found.last_timestamp


def test_the_events_of_one_object_are_shown_together(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    running(cluster, core, space)
    cluster.eventually(lambda: "Started" in cluster.kubectl("-n", space, "events", "--for", "pod/one").ok())
    said = cluster.kubectl("-n", space, "events", "--for", "pod/one").ok()
    # The scheduler's event has a finer time than the kubelet's, so that it may be shown between or after them.
    assert "Scheduled" in said
    assert said.index("Created") < said.index("Started")


def test_a_pod_has_no_priority_class_that_is_not_there(core: Any, shell: str, space: str) -> None:
    code, status = refused(lambda: core.create_namespaced_pod(space, pod(shell, priorityClassName="conformance-none")))
    assert code == 403
    assert "no PriorityClass with name conformance-none was found" in status["message"]


def test_a_pod_of_an_account_that_is_not_there_is_forbidden(core: Any, shell: str, space: str) -> None:
    code, status = refused(lambda: core.create_namespaced_pod(space, pod(shell, serviceAccountName="none")))
    assert code == 403
    assert 'serviceaccount "none" not found' in status["message"]


def test_a_pod_past_what_any_node_has_is_not_scheduled(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    huge = {"resources": {"requests": {"cpu": "100000"}}}
    core.create_namespaced_pod(space, pod(shell, container=huge))
    selector = "involvedObject.name=one,reason=FailedScheduling"
    found = cluster.eventually(lambda: core.list_namespaced_event(space, field_selector=selector).items)
    assert "Insufficient cpu" in found[0].message


def test_a_pod_bound_by_hand_to_a_node_needs_no_scheduler(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    node = core.list_node().items[0].metadata.name
    tolerations = [{"operator": "Exists"}]
    made = pod(shell, "exit 0", restartPolicy="Never", nodeName=node, tolerations=tolerations)
    core.create_namespaced_pod(space, made)
    assert ended(cluster, core, space).spec.node_name == node
