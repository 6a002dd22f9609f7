"""Certificates: how long what clients are shown stays good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("certificate.time_left")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
