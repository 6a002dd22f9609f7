"""Caches: reachable, large enough, and kept as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "cache.ping",
    "cache.hit_ratio",
    "cache.evictions",
    "cache.clients",
    "cache.memory_ratio",
    "cache.setting",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
