"""What users see: latency, errors, health, availability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "http.latency",
    "http.error_ratio",
    "http.health",
    "http.body_field",
    "http.anonymous_status",
    "http.availability",
    "http.throughput",
    "http.error_rate",
    "http.status_ratio",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
