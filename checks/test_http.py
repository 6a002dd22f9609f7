"""What users see: how long answers take, how many fail, whether a component calls itself healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("http.latency", "http.error_ratio", "http.health")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
