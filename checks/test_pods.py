"""Pods: CPU, memory and disk used of what they may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("pod.cpu_ratio", "pod.memory_ratio", "volume.used_ratio")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
