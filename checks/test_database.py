"""Databases: connections given away, and how many there are to give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("database.connections", "database.max_connections")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
