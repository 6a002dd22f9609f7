"""``drillbook drill --control``: the same fault first without the procedure, and what both together come to."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from drillbook.errors import ExitCode
from tests.drills.conftest import Solar
from tests.drills.test_drill_command import ended
from tests.drills.test_manual_drill import by_hand, run_of

__all__ = ["by_hand"]


def recovered_by_procedure(folder: Path, experiment: str) -> None:
    """The drill of that folder, followed by Drillbook itself, after that fault."""
    path = folder / "systems" / "solar" / "policy.yaml"
    policy = yaml.safe_load(path.read_text())
    policy["drills"][0] |= {"recovery": "procedure", "experiment": experiment}
    path.write_text(yaml.safe_dump(policy))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_procedure_without_which_nothing_recovers_is_proven_by_its_control_arm(system: Solar, by_hand: Path) -> None:
    recovered_by_procedure(by_hand, "scale-to-zero")
    code, said, problems = ended(by_hand, "solar", "gone", "--control", "--timeout", "12")
    assert code == ExitCode.PASS, said + problems
    (drill,) = run_of(by_hand)["drills"]
    assert "without the procedure it had not recovered after" in drill["reason"]
    control = drill["fault"]["evidence"]["without the procedure"]
    assert control["recovered_seconds"] is None
    assert control["waited_seconds"] >= 10
    (page,) = (by_hand / "reports" / "latest").glob("*.html")
    assert "without the procedure it had not recovered after" in page.read_text()
    assert system.left_behind() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_procedure_that_nothing_needed_stays_unproven(system: Solar, by_hand: Path) -> None:
    recovered_by_procedure(by_hand, "pod-kill")
    code, said, problems = ended(by_hand, "solar", "gone", "--control", "--timeout", "30")
    assert code == ExitCode.INCONCLUSIVE, said + problems
    (drill,) = run_of(by_hand)["drills"]
    assert drill["reason"].startswith("the procedure is unproven: without it the system recovered by itself in")
    assert drill["fault"]["evidence"]["without the procedure"]["recovered_seconds"] is not None
    assert system.left_behind() == []
