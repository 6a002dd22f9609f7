"""Services, their ports and endpoints, and the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "service.port",
    "service.up",
    "services.least_endpoints",
    "ingress.addresses",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
