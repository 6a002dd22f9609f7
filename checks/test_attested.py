"""What only people can say: what was done, how long it took, what is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.pytest_plugin import hold

if TYPE_CHECKING:
    from drillbook.model.verdict import Verdict


@pytest.mark.observes("attested.age", "attested.time", "attested.fact")
def test_objective(verdict: Verdict) -> None:
    hold(verdict)
