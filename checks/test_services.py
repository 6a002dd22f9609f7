"""Services: each has somebody behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("services.least_endpoints")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
