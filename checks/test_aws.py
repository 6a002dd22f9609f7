"""What AWS says of a system's managed parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "aws.rds_setting",
    "aws.service_stable",
    "aws.desired_count",
    "aws.task_cpu",
    "aws.task_memory",
    "aws.unhealthy_targets",
    "aws.open_ingress",
    "aws.restorable_window",
    "aws.log_export",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
