"""Alert rules and queries: are they there, do they say what their threshold means, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("alert.loaded", "alert.findings", "alert.receiver", "query.findings")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
