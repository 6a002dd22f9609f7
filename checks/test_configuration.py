"""Settings, proxies, secrets and quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes(
    "config.value",
    "proxy.directive",
    "secret.age",
    "secret.length",
    "quota.used_ratio",
)
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
