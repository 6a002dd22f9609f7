"""What takes a minute although nothing works at it: it all begins before the first test, and is looked at here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.early import BUSY, BY_HAND, REGULAR, SUSPENDED

pytestmark = pytest.mark.slow


def replicas(apps: Any, space: str, name: str) -> int:
    return int(apps.read_namespaced_deployment(name, space).spec.replicas)


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


def test_a_busy_pod_gets_help(cluster: Cluster, apps: Any, begun: str) -> None:
    if not cluster.serves("metrics.k8s.io"):
        pytest.skip("not applicable: the cluster doesn't serve metrics.k8s.io")
    cluster.eventually(lambda: replicas(apps, begun, BUSY) == 2, within=100)
