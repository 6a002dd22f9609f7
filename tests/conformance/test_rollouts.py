"""How a Deployment changes its pods, and how ReplicaSets take and leave them."""

from __future__ import annotations

import copy
import threading
import time
from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import condition, ready
from tests.conformance.objects import FOREVER, deployment, pod, template

REVISION = "deployment.kubernetes.io/revision"


def release(apps: Any, space: str, version: str) -> None:
    """Give the Deployment's pods another label, so that they are replaced."""
    labels = {"spec": {"template": {"metadata": {"labels": {"version": version}}}}}
    apps.patch_namespaced_deployment("web", space, labels)


class Numbers:
    """Watches how many pods there are and how many are Ready, while something happens."""

    def __init__(self, core: Any, space: str) -> None:
        self._core, self._space = core, space
        self.seen: list[tuple[int, int]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Numbers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            pods = [p for p in self._core.list_namespaced_pod(self._space).items if not p.metadata.deletion_timestamp]
            ready_ones = [p for p in pods if (found := condition(p, "Ready")) and found.status == "True"]
            self.seen.append((len(pods), len(ready_ones)))
            time.sleep(0.05)


@pytest.mark.parametrize(("surge", "unavailable", "most", "least"), [(1, 0, 4, 3), (0, 1, 3, 2), ("50%", "34%", 5, 2)])
def test_a_rolling_update_keeps_to_its_bounds(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str, surge: Any, unavailable: Any, most: int, least: int
) -> None:
    bounds = {"maxSurge": surge, "maxUnavailable": unavailable}
    apps.create_namespaced_deployment(space, deployment(shell, replicas=3, strategy={"rollingUpdate": bounds}))
    ready(cluster, apps, space, 3)
    with Numbers(core, space) as numbers:
        release(apps, space, "2")
        ready(cluster, apps, space, 3)
    assert max(pods for pods, _ in numbers.seen) <= most
    assert min(ones for _, ones in numbers.seen) >= least


def test_undo_goes_back_to_the_revision_asked_for(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    for version in ("2", "3"):
        ready(cluster, apps, space, 1)
        release(apps, space, version)
    ready(cluster, apps, space, 1)
    cluster.kubectl("-n", space, "rollout", "undo", "deployment/web", "--to-revision=2").ok()
    found = ready(cluster, apps, space, 1)
    assert found.spec.template.metadata.labels["version"] == "2"
    assert found.metadata.annotations[REVISION] == "4"
    history = cluster.kubectl("-n", space, "rollout", "history", "deployment/web").ok()
    assert [line.split()[0] for line in history.splitlines() if line[:1].isdigit()] == ["1", "3", "4"]


def test_undo_to_a_revision_that_never_was_is_refused(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    done = cluster.kubectl("-n", space, "rollout", "undo", "deployment/web", "--to-revision=9")
    assert done.code == 1
    assert "unable to find specified revision 9 in history" in done.err


def test_history_tells_the_cause_of_a_change(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    cluster.kubectl("-n", space, "annotate", "deployment/web", "kubernetes.io/change-cause=the first one").ok()
    cluster.eventually(
        lambda: "the first one" in cluster.kubectl("-n", space, "rollout", "history", "deployment/web").ok()
    )


def test_old_replica_sets_are_kept_up_to_the_limit(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, revisionHistoryLimit=1))
    for version in ("2", "3"):
        ready(cluster, apps, space, 1)
        release(apps, space, version)
    ready(cluster, apps, space, 1)

    def left() -> Any:
        found = apps.list_namespaced_replica_set(space).items
        return sorted(f.metadata.annotations[REVISION] for f in found) == ["2", "3"]

    cluster.eventually(left)


def test_the_same_template_again_takes_up_its_old_replica_set(
    cluster: Cluster, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    (first,) = apps.list_namespaced_replica_set(space).items
    release(apps, space, "2")
    ready(cluster, apps, space, 1)
    apps.patch_namespaced_deployment("web", space, {"spec": {"template": {"metadata": {"labels": {"version": None}}}}})
    ready(cluster, apps, space, 1)
    found = apps.list_namespaced_replica_set(space).items
    assert len(found) == 2
    again = next(f for f in found if f.metadata.uid == first.metadata.uid)
    assert (again.spec.replicas, again.metadata.annotations[REVISION]) == (1, "3")


@pytest.mark.slow
def test_a_pod_counts_as_available_only_after_its_time(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, minReadySeconds=3))
    found = cluster.eventually(lambda: (d := apps.read_namespaced_deployment("web", space)).status.ready_replicas and d)
    assert not found.status.available_replicas
    ready(cluster, apps, space, 1)


def test_status_of_a_rollout_gives_up_when_told_to(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    made = deployment(shell)
    made["spec"]["template"]["spec"]["nodeSelector"] = {"conformance.example/none": "here"}
    apps.create_namespaced_deployment(space, made)
    done = cluster.kubectl("-n", space, "rollout", "status", "deployment/web", "--timeout=1s")
    assert done.code == 1
    assert "timed out waiting for the condition" in done.err


def test_the_observed_generation_catches_up_with_each_change(
    cluster: Cluster, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_deployment(space, deployment(shell, replicas=0))
    for count in (1, 0):
        changed = apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": count}})
        assert changed.spec.replicas in {count, None}
        generation = apps.read_namespaced_deployment("web", space).metadata.generation

        def caught_up(generation: int = generation) -> bool:
            return bool(apps.read_namespaced_deployment("web", space).status.observed_generation >= generation)

        cluster.eventually(caught_up)


def test_events_tell_of_scaling(cluster: Cluster, core: Any, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(shell))
    ready(cluster, apps, space, 1)
    selector = "involvedObject.kind=Deployment,involvedObject.name=web,reason=ScalingReplicaSet"
    found = cluster.eventually(lambda: core.list_namespaced_event(space, field_selector=selector).items)
    assert found[0].message.startswith("Scaled up replica set web-")


def replica_set(shell: str, count: int) -> dict[str, Any]:
    spec = {"replicas": count, "selector": {"matchLabels": {"app": "web"}}, "template": template(shell)}
    return {"metadata": {"name": "set"}, "spec": spec}


def owner(found: Any) -> str | None:
    return next((o.name for o in found.metadata.owner_references or [] if o.controller), None)


def test_a_replica_set_adopts_a_pod_that_it_selects(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    alone = pod(shell, name="alone")
    alone["metadata"]["labels"] = {"app": "web"}
    core.create_namespaced_pod(space, alone)
    apps.create_namespaced_replica_set(space, replica_set(shell, 1))
    cluster.eventually(lambda: owner(core.read_namespaced_pod("alone", space)) == "set")
    assert len(core.list_namespaced_pod(space).items) == 1


def test_a_replica_set_releases_a_pod_that_it_selects_no_more_and_replaces_it(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_replica_set(space, replica_set(shell, 1))
    (first,) = cluster.eventually(lambda: core.list_namespaced_pod(space, label_selector="app=web").items)
    name = first.metadata.name
    core.patch_namespaced_pod(name, space, {"metadata": {"labels": {"app": "aside"}}})
    cluster.eventually(lambda: owner(core.read_namespaced_pod(name, space)) is None)
    cluster.eventually(lambda: len(core.list_namespaced_pod(space, label_selector="app=web").items) == 1)


def test_a_replica_set_leaves_a_pod_with_another_owner_alone(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_replica_set(space, replica_set(shell, 1))
    cluster.eventually(lambda: core.list_namespaced_pod(space).items)
    other = copy.deepcopy(replica_set(shell, 1))
    other["metadata"]["name"] = "other"
    apps.create_namespaced_replica_set(space, other)
    cluster.eventually(lambda: len(core.list_namespaced_pod(space).items) == 2)
    owners = sorted(str(owner(found)) for found in core.list_namespaced_pod(space).items)
    assert owners == ["other", "set"]


def test_a_replica_set_that_is_scaled_down_deletes_what_is_not_ready_first(
    cluster: Cluster, core: Any, apps: Any, shell: str, space: str
) -> None:
    script = f"mkdir -p /data; {FOREVER}"
    made = replica_set(shell, 2)
    probe = {"exec": {"command": ["test", "-e", "/data/ready"]}, "periodSeconds": 1}
    volumes = [{"name": "data", "emptyDir": {}}]
    spec = made["spec"]["template"]["spec"]
    spec |= {"volumes": volumes}
    mounts = [{"name": "data", "mountPath": "/data"}]
    spec["containers"][0] |= {
        "command": ["sh", "-c", script], "readinessProbe": probe, "volumeMounts": mounts,
    }  # fmt: skip
    apps.create_namespaced_replica_set(space, made)
    found = cluster.eventually(
        lambda: (
            (items := core.list_namespaced_pod(space).items)
            and len(items) == 2
            and all(p.status.phase == "Running" for p in items)
            and items
        )
    )
    assert found
    chosen = found[0].metadata.name
    cluster.kubectl("-n", space, "exec", chosen, "--", "touch", "/data/ready").ok()
    cluster.eventually(lambda: apps.read_namespaced_replica_set("set", space).status.ready_replicas == 1)
    apps.patch_namespaced_replica_set_scale("set", space, {"spec": {"replicas": 1}})
    cluster.eventually(lambda: [p.metadata.name for p in core.list_namespaced_pod(space).items] == [chosen])
