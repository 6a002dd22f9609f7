"""Backups: young enough, whole, and kept as long as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "backup.age",
    "backup.size",
    "backup.span",
    "backup.count",
    "backup.incomplete",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
