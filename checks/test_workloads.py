"""Workloads: ready replicas, and the documented requests and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("workload.ready_replicas", "workload.cpu", "workload.memory")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
