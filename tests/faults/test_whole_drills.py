"""Faults of several kinds through a whole drill: settings reach the engine, the fault lands, the undo is verified."""

from __future__ import annotations

import pytest

from tests.drills.conftest import Solar, system

__all__ = ["system"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "component", "settings"),
    [
        ("database-idle-in-transaction", "database", {"sessions": "2", "seconds": "60"}),
        ("cpu-stress", "api", {"seconds": "60"}),
        ("image-pull", "frontend", {}),
        ("load-spike", "api", {"rate": "20"}),
    ],
)
def test_a_fault_that_users_do_not_notice_passes_and_leaves_nothing(
    system: Solar, experiment: str, component: str, settings: dict[str, str]
) -> None:
    order = system.order("pod-kill", experiment=experiment, component=component, settings=settings)
    result = system.drill(order)
    assert result.fault.landed, result.fault.evidence
    assert result.undone
    assert not result.residue, result.residue
    assert system.left_behind() == []
