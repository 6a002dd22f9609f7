"""What takes a minute although nothing works at it: it all begins before the first test, and is looked at here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.early import BUSY, BY_HAND, HOARDER, ORPHAN, REGULAR, SUSPENDED, TORN
from tests.conformance.looks import gone

pytestmark = pytest.mark.slow


def replicas(apps: Any, space: str, name: str) -> int:
    return int(apps.read_namespaced_deployment(name, space).spec.replicas)


def autoscaler(cluster: Cluster, space: str, name: str) -> Any:
    path = f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/{name}"
    return cluster.request("GET", path).json()


def test_a_cron_job_starts_jobs_on_its_schedule(cluster: Cluster, batch: Any, begun: str) -> None:
    (made, *_) = cluster.eventually(lambda: batch.list_namespaced_job(begun).items, within=100)
    assert made.metadata.owner_references[0].name == REGULAR
    assert made.metadata.name.startswith(f"{REGULAR}-")
    assert batch.read_namespaced_cron_job(REGULAR, begun).status.last_schedule_time


def test_a_suspended_cron_job_starts_none(cluster: Cluster, batch: Any, begun: str) -> None:
    cluster.eventually(lambda: batch.list_namespaced_job(begun).items, within=100)
    assert batch.read_namespaced_cron_job(SUSPENDED, begun).status.last_schedule_time is None


def test_scaling_by_hand_beyond_an_autoscalers_bounds_does_not_last(cluster: Cluster, apps: Any, begun: str) -> None:
    cluster.eventually(lambda: replicas(apps, begun, BY_HAND) == 2)


def test_two_autoscalers_of_one_target_both_stop(cluster: Cluster, begun: str) -> None:
    def stopped() -> bool:
        conditions = [
            condition
            for name in (TORN, f"{TORN}-too")
            for condition in autoscaler(cluster, begun, name)["status"].get("conditions") or ()
            if condition["type"] == "ScalingActive"
        ]
        return [(c["status"], c["reason"]) for c in conditions] == [("False", "AmbiguousSelector")] * 2

    cluster.eventually(stopped)


def test_a_busy_pod_gets_help(cluster: Cluster, apps: Any, begun: str) -> None:
    if not cluster.serves("metrics.k8s.io"):
        cluster.not_applicable("the cluster doesn't serve metrics.k8s.io")
    cluster.eventually(lambda: replicas(apps, begun, BUSY) == 2, within=100)


def test_a_pod_whose_node_is_not_there_is_taken_out(cluster: Cluster, core: Any, begun: str) -> None:
    gone(cluster, lambda: core.read_namespaced_pod(ORPHAN, begun), within=100)


def test_a_pod_that_keeps_more_than_its_empty_dir_may_hold_is_evicted(cluster: Cluster, core: Any, begun: str) -> None:
    def evicted() -> Any:
        status = core.read_namespaced_pod(HOARDER, begun).status
        return status.reason == "Evicted" and status

    status = cluster.eventually(evicted, within=100)
    assert status.phase == "Failed"
    assert "scratch" in status.message
