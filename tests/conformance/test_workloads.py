"""Deployments, ReplicaSets, StatefulSets, Jobs, and the Services in front of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster, refused
from tests.conformance.looks import ready
from tests.conformance.objects import deployment, service, template


def test_a_deployment_makes_a_replica_set_that_makes_pods(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, replicas=2))
    made = ready(cluster, apps, space, 2)
    (owned,) = apps.list_namespaced_replica_set(space).items
    assert owned.metadata.owner_references[0].uid == made.metadata.uid
    hash_ = owned.metadata.labels["pod-template-hash"]
    assert owned.metadata.name == f"web-{hash_}"
    pods = core.list_namespaced_pod(space, label_selector=f"app=web,pod-template-hash={hash_}").items
    assert len(pods) == 2
    assert {p.metadata.owner_references[0].uid for p in pods} == {owned.metadata.uid}
    assert {c.type: c.status for c in made.status.conditions} == {"Available": "True", "Progressing": "True"}


def test_a_deleted_pod_is_replaced(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    (first,) = core.list_namespaced_pod(space).items
    core.delete_namespaced_pod(first.metadata.name, space)
    cluster.eventually(
        lambda: [p for p in core.list_namespaced_pod(space).items if p.metadata.uid != first.metadata.uid]
    )
    ready(cluster, apps, space, 1)


def test_scaling_adds_and_removes_pods(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": 3}})
    ready(cluster, apps, space, 3)
    cluster.kubectl("-n", space, "scale", "deployment", "web", "--replicas=0").ok()
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)


def test_a_new_template_is_rolled_out_and_undone(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, replicas=2))
    ready(cluster, apps, space, 2)
    cluster.kubectl("-n", space, "set", "env", "deployment/web", "VERSION=2").ok()
    assert "successfully rolled out" in cluster.kubectl("-n", space, "rollout", "status", "deployment/web").ok()
    found = ready(cluster, apps, space, 2)
    assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "2"
    history = cluster.kubectl("-n", space, "rollout", "history", "deployment/web").ok()
    assert [line.split()[0] for line in history.splitlines() if line[:1].isdigit()] == ["1", "2"]
    cluster.kubectl("-n", space, "rollout", "undo", "deployment/web").ok()
    found = ready(cluster, apps, space, 2)
    assert not found.spec.template.spec.containers[0].env
    assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "3"
    noted = [one.metadata.annotations for one in apps.list_namespaced_replica_set(space).items]
    assert {one.get("deployment.kubernetes.io/revision-history") for one in noted} == {"1", None}


def test_a_restart_replaces_every_pod(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, replicas=2))
    ready(cluster, apps, space, 2)
    before = {p.metadata.uid for p in core.list_namespaced_pod(space).items}
    cluster.kubectl("-n", space, "rollout", "restart", "deployment/web").ok()
    cluster.kubectl("-n", space, "rollout", "status", "deployment/web").ok()

    def replaced() -> bool:
        return not before & {p.metadata.uid for p in core.list_namespaced_pod(space).items}

    cluster.eventually(replaced)


@pytest.mark.slow
def test_a_rollout_that_cannot_become_ready_leaves_the_old_pods(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    apps.create_namespaced_deployment(space, deployment(shell, strategy=strategy, progressDeadlineSeconds=5))
    ready(cluster, apps, space, 1)
    image = {"containers": [{"name": "main", "image": "conformance.invalid/none:1"}]}
    apps.patch_namespaced_deployment("web", space, {"spec": {"template": {"spec": image}}})

    def stuck() -> Any:
        conditions = apps.read_namespaced_deployment("web", space).status.conditions
        return [c for c in conditions if c.type == "Progressing" and c.status == "False"]

    (condition,) = cluster.eventually(stuck)
    assert condition.reason == "ProgressDeadlineExceeded"
    assert apps.read_namespaced_deployment("web", space).status.available_replicas == 1
    assert len(core.list_namespaced_pod(space).items) == 2


def test_recreate_ends_the_old_pods_first(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, strategy={"type": "Recreate"}))
    ready(cluster, apps, space, 1)
    cluster.kubectl("-n", space, "set", "env", "deployment/web", "VERSION=2").ok()
    most = 0

    def rolled() -> Any:
        nonlocal most
        most = max(most, len([p for p in core.list_namespaced_pod(space).items if p.status.phase == "Running"]))
        status = apps.read_namespaced_deployment("web", space).status
        return status.observed_generation == 2 and status.updated_replicas == status.available_replicas == 1

    cluster.eventually(rolled)
    assert most == 1


def test_a_paused_deployment_rolls_nothing_out(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    cluster.kubectl("-n", space, "rollout", "pause", "deployment/web").ok()
    cluster.kubectl("-n", space, "set", "env", "deployment/web", "VERSION=2").ok()
    cluster.eventually(lambda: apps.read_namespaced_deployment("web", space).status.observed_generation >= 3)
    assert len(apps.list_namespaced_replica_set(space).items) == 1
    cluster.kubectl("-n", space, "rollout", "resume", "deployment/web").ok()
    ready(cluster, apps, space, 1)
    assert len(apps.list_namespaced_replica_set(space).items) == 2


def test_a_stateful_set_makes_pods_in_order_with_stable_names(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    made = deployment(shell, replicas=3, serviceName="web") | {"kind": "StatefulSet"}
    core.create_namespaced_service(space, service(clusterIP="None"))
    apps.create_namespaced_stateful_set(space, made)
    cluster.eventually(lambda: apps.read_namespaced_stateful_set("web", space).status.ready_replicas == 3)
    pods = core.list_namespaced_pod(space).items
    assert [p.metadata.name for p in pods] == ["web-0", "web-1", "web-2"]
    begun = [p.status.start_time for p in pods]
    assert begun == sorted(begun)
    first = pods[0].metadata.uid
    core.delete_namespaced_pod("web-0", space)

    def back() -> Any:
        found = core.read_namespaced_pod("web-0", space)
        return found.metadata.uid != first and found.status.phase == "Running"

    cluster.eventually(back)


def test_a_stateful_set_shrinks_from_its_end(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_stateful_set(
        space, deployment(shell, replicas=2, serviceName="web") | {"kind": "StatefulSet"}
    )
    cluster.eventually(lambda: apps.read_namespaced_stateful_set("web", space).status.ready_replicas == 2)
    apps.patch_namespaced_stateful_set_scale("web", space, {"spec": {"replicas": 1}})
    cluster.eventually(lambda: [p.metadata.name for p in core.list_namespaced_pod(space).items] == ["web-0"])


def test_a_job_runs_to_completion(cluster: Cluster, core: Any, batch: Any, shell: str, space: str) -> None:
    inner = template(shell, "echo worked")
    inner["spec"]["restartPolicy"] = "Never"
    batch.create_namespaced_job(space, {"metadata": {"name": "j"}, "spec": {"completions": 2, "template": inner}})
    done = cluster.eventually(lambda: (found := batch.read_namespaced_job("j", space)).status.succeeded == 2 and found)
    assert {c.type for c in done.status.conditions if c.status == "True"} >= {"Complete"}
    assert done.status.completion_time
    pods = core.list_namespaced_pod(space, label_selector="batch.kubernetes.io/job-name=j").items
    assert len(pods) == 2
    assert cluster.kubectl("-n", space, "logs", "job/j").ok() == "worked\n"


def test_a_job_that_fails_too_often_has_failed(cluster: Cluster, batch: Any, shell: str, space: str) -> None:
    inner = template(shell, "exit 1")
    inner["spec"]["restartPolicy"] = "Never"
    batch.create_namespaced_job(space, {"metadata": {"name": "j"}, "spec": {"backoffLimit": 0, "template": inner}})

    def failed() -> Any:
        return [c for c in batch.read_namespaced_job("j", space).status.conditions or [] if c.type == "Failed"]

    (condition,) = cluster.eventually(failed)
    assert condition.reason == "BackoffLimitExceeded"


def test_a_service_lists_the_ready_pods_that_it_selects(
    cluster: Cluster, core: Any, apps: Any, discovery: Any, shell: str, space: str
) -> None:
    core.create_namespaced_service(space, service())
    apps.create_namespaced_deployment(space, deployment(shell, replicas=2))
    ready(cluster, apps, space, 2)
    addresses = {p.status.pod_ip for p in core.list_namespaced_pod(space).items}

    def sliced() -> Any:
        slices = discovery.list_namespaced_endpoint_slice(space, label_selector="kubernetes.io/service-name=web").items
        found = {a for s in slices for e in s.endpoints or [] if e.conditions.ready for a in e.addresses}
        return found == addresses and slices

    slices = cluster.eventually(sliced)
    assert {port.port for s in slices for port in s.ports} == {8080}
    apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": 0}})

    def emptied() -> bool:
        slices = discovery.list_namespaced_endpoint_slice(space, label_selector="kubernetes.io/service-name=web").items
        return not any(e.conditions.ready for s in slices for e in s.endpoints or [])

    cluster.eventually(emptied)


def test_a_pod_that_is_not_ready_is_no_endpoint(
    cluster: Cluster, core: Any, apps: Any, discovery: Any, shell: str, space: str
) -> None:
    core.create_namespaced_service(space, service())
    made = deployment(shell)
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    apps.create_namespaced_deployment(space, made)
    cluster.eventually(lambda: [p for p in core.list_namespaced_pod(space).items if p.status.phase == "Running"])

    def listed() -> Any:
        slices = discovery.list_namespaced_endpoint_slice(space, label_selector="kubernetes.io/service-name=web").items
        return [e for s in slices for e in s.endpoints or []]

    (endpoint,) = cluster.eventually(listed)
    assert endpoint.conditions.ready is False


def test_a_disruption_budget_refuses_evictions_that_would_break_it(
    cluster: Cluster, core: Any, apps: Any, policy: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    policy.create_namespaced_pod_disruption_budget(space, budget)
    cluster.eventually(lambda: policy.read_namespaced_pod_disruption_budget("b", space).status.current_healthy == 1)
    (only,) = core.list_namespaced_pod(space).items
    name = only.metadata.name
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space}}
    code, status = refused(lambda: core.create_namespaced_pod_eviction(name, space, eviction))
    assert (code, status["details"]["causes"][0]["reason"]) == (429, "DisruptionBudget")
    policy.patch_namespaced_pod_disruption_budget("b", space, {"spec": {"minAvailable": 0}})
    cluster.eventually(lambda: core.create_namespaced_pod_eviction(name, space, eviction))


def test_a_claim_is_bound_and_its_data_outlives_the_pod(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "data"}, "spec": spec})

    def run(name: str, script: str) -> str:
        inner = template(shell, script, volumeMounts=[{"name": "data", "mountPath": "/data"}])["spec"]
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        core.create_namespaced_pod(
            space, {"metadata": {"name": name}, "spec": inner | {"restartPolicy": "Never", "volumes": volumes}}
        )
        cluster.eventually(lambda: core.read_namespaced_pod(name, space).status.phase == "Succeeded")
        said = core.read_namespaced_pod_log(name, space)
        core.delete_namespaced_pod(name, space)
        return str(said)

    run("writer", "echo kept > /data/file")
    assert core.read_namespaced_persistent_volume_claim("data", space).status.phase == "Bound"
    assert run("reader", "cat /data/file") == "kept\n"
