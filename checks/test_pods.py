"""Pods against their limits, and what happened to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "pod.cpu_ratio",
    "pod.memory_ratio",
    "pod.cpu",
    "pod.restarts",
    "pod.oom_kills",
    "log.size",
    "log.matches",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
