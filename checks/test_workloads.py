"""Workloads: replicas, resources, images, autoscalers, releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "workload.ready_replicas",
    "workload.desired_replicas",
    "workload.cpu",
    "workload.memory",
    "workload.image",
    "autoscaler.count",
    "autoscaler.min_replicas",
    "autoscaler.max_replicas",
    "autoscaler.cpu_target",
    "autoscaler.memory_target",
    "rollout.incomplete",
    "rollout.took",
    "release.failed_tests",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
