"""Volumes, claims and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "volume.used_ratio",
    "claims.unbound",
    "node.disk_ratio",
    "nodes.not_ready",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
