"""Databases: connections, settings, upkeep, and the pools in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "database.up",
    "database.connections",
    "database.connections_ratio",
    "database.max_connections",
    "database.setting",
    "database.size",
    "database.slowest_mean",
    "database.vacuum_age",
    "database.index",
    "database.rows",
    "database.oldest_row_age",
    "database.revision",
    "database.pool_budget",
    "pool.used_ratio",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
