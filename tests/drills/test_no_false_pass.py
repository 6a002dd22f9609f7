"""How verdicts of chaos tools come out green although nothing was proven: each way, planted, and never a pass here.

The lies are planted in the engine's own process, where a real fault would go wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drillbook.drills import injection
from drillbook.drills.desk import Desk
from drillbook.drills.engine import Engine
from drillbook.faults.fault import Landing
from drillbook.faults.pod_kill import PodKill
from drillbook.model.verdict import Status
from tests.drills.conftest import Solar

SLOW = pytest.mark.slow
RAISES = "raise ZeroDivisionError('a defect of the fault')"
NOTHING = "return ()"
CLAIMS = "return tuple(targets)"
NOT_ALL = "await really(fault, kube, aim, targets[:1]); return tuple(targets[:1])"
LATE = "await really(fault, kube, aim, targets); raise RuntimeError('after it was done')"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plants ``lie`` as the body of the fault's injection, in the engine only."""

    def plant(lie: str) -> None:
        folder = tmp_path / "planted"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(
            "import os\n"
            "if 'DRILLBOOK_DESK' in os.environ:\n"
            "    from drillbook.faults.pod_kill import PodKill\n"
            "    really = PodKill.inject\n"
            "    async def inject(fault, kube, aim, targets):\n"
            f"        {lie}\n"
            "    PodKill.inject = inject\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return plant


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        pytest.param(RAISES, "the injection failed: ZeroDivisionError: a defect", id="the action raises"),
        pytest.param(
            LATE, "the injection failed: RuntimeError: after it", id="the action raises when it is done", marks=SLOW
        ),
        pytest.param(NOTHING, "pod-kill was not seen to land", id="the action hits nothing and is content", marks=SLOW),
        pytest.param(CLAIMS, "pod-kill was not seen to land", id="the action claims what it did not do"),
    ],
)
def test_an_injection_that_goes_wrong_is_never_a_pass(
    system: Solar, planted: Any, monkeypatch: pytest.MonkeyPatch, lie: str, reason: str
) -> None:
    monkeypatch.setattr(injection, "INJECT_SECONDS", 3.0)
    planted(lie)
    found = system.drill(system.order("pod-kill"))
    assert (found.status, found.undone) == (Status.INCONCLUSIVE, True)
    assert reason in found.reason
    assert system.left_behind() == []


@pytest.mark.slow
def test_a_fault_that_hits_fewer_than_it_was_to_hit_is_never_a_pass(
    system: Solar, planted: Any, experiment: Any
) -> None:
    planted(NOT_ALL)
    two = experiment(pods=2, most_pods=2, most_percent=100)
    found = system.drill(system.order("pod-kill", experiment=two))
    assert (found.status, found.fault.landed) == (Status.INCONCLUSIVE, True)
    assert found.reason.startswith("the fault was to hit pod/backend-")


@pytest.mark.slow
def test_an_undo_that_fails_is_a_failure_whatever_it_raises(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    really = PodKill.undo

    async def undo(*_: Any) -> str:
        raise KeyError("replicas")

    order = system.order("pod-kill")
    monkeypatch.setattr(PodKill, "undo", undo)
    found = system.drill(order)
    assert (found.status, found.undone, found.aborted) == (Status.FAIL, False, True)
    assert found.reason.startswith("the undo is not finished")
    monkeypatch.setattr(PodKill, "undo", really)
    finish(system)
    assert system.left_behind() == []


def finish(system: Solar) -> None:
    from drillbook.drills.unfinished import finish as finished
    from tests.drills.conftest import NAMESPACE

    for one in system.on_kube(lambda kube: finished(kube, NAMESPACE, (), "recover-test", system.said.append)):
        assert one.done


@pytest.mark.slow
def test_evidence_that_is_no_json_is_no_crash_and_no_pass(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    async def landed(*_: Any) -> Landing:
        return Landing(True, {"pods": object()})

    monkeypatch.setattr(PodKill, "landed", landed)
    monkeypatch.setattr(injection, "INJECT_SECONDS", 3.0)
    found = system.drill(system.order("pod-kill"))
    assert (found.status, found.fault.landed) == (Status.INCONCLUSIVE, False)
    assert "no JSON" in found.fault.evidence["evidence"]


@pytest.mark.slow
def test_nobody_who_reads_what_is_said_is_needed_for_the_undo(system: Solar) -> None:
    """A pipe that was closed, a terminal that is gone."""

    def closed(text: str) -> None:
        if text == "the fault landed":
            raise BrokenPipeError

    found = system.drill(system.order("pod-kill"), closed)
    assert (found.status, found.undone) == (Status.PASS, True)


@pytest.mark.parametrize("text", ["", "{", '{"status": "completed", "run": [', "[]", "null"])
def test_half_a_journal_is_none(tmp_path: Path, text: str) -> None:
    desk = Desk.lay(tmp_path / "desk", {})
    engine = Engine(tmp_path / "experiment.yaml", desk, {})
    (desk.folder / "engine.log").write_text("no space left on device")
    engine.journal.write_text(text)
    assert engine.problem() == "the engine left no journal (its output: no space left on device)"
    engine.journal.write_text('{"status": "completed"}')
    assert engine.problem() == ""
