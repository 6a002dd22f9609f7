"""A defect of Drillbook's own in the middle of a drill: everything is put back, and the drill is told, not lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.kube import Kube
from drillbook.drills import after, injection, residue, work
from drillbook.drills.drill import run_drill
from drillbook.errors import ExitCode
from drillbook.model.drill import DrillResult
from drillbook.model.verdict import Status
from drillbook.report import encode_timeline
from drillbook.report.recorder import recording
from tests.drills.conftest import Solar

DEFECT = "a defect of Drillbook's own: KeyError: 'nobody expected this'"


def crash(*_: Any, **__: Any) -> Any:
    raise KeyError("nobody expected this")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (injection, "wait_landed"),
        (after, "recovery_time"),
        pytest.param(residue, "residue_within", marks=pytest.mark.slow),
        pytest.param(work, "kind_of_death", marks=pytest.mark.slow),
    ],
)
def test_a_defect_after_the_injection_is_told_and_everything_is_put_back(
    system: Solar, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    order = system.order("pod-kill")

    def plant(text: str) -> None:
        if text.startswith("injecting"):
            monkeypatch.setattr(module, name, crash)

    found = system.drill(order, plant)
    assert found.status is Status.INCONCLUSIVE
    assert DEFECT in found.reason
    assert (found.undone, found.aborted) == (True, True)
    assert system.left_behind() == []


def test_a_result_that_no_file_can_hold_is_kept_as_one_that_says_so(
    system: Solar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, timeline = system.order("pod-kill"), encode_timeline.timeline
    monkeypatch.setattr(encode_timeline, "timeline", lambda result: timeline(result) if result.aborted else crash())
    with recording("drill", system.policy, system.environment, tmp_path / "reports") as run:
        run_drill(replace(order, folder=run.folder), system.said.append, run.add_drill)
    (told,) = json.loads((run.folder / "run.json").read_text())["drills"]
    assert (told["status"], told["undone"], told["aborted"]) == ("inconclusive", True, True)
    assert "what was seen can't be judged" in told["reason"]
    assert run.exit_code is ExitCode.DRILL_ABORTED


def test_a_defect_before_anything_is_broken_is_a_defect(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no drill to tell of, and nothing to put back."""
    monkeypatch.setattr("drillbook.drills.before.write_the_journal", crash)
    kept: list[DrillResult] = []
    with pytest.raises(KeyError):
        run_drill(system.order("pod-kill"), system.said.append, kept.append)
    assert kept == []
    assert system.left_behind() == []


def test_the_other_looks_go_on_after_one_that_crashes(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def look(kube: Kube) -> None:
        seen.append("looked")

    monkeypatch.setattr(after, "_see_the_server_restarted", crash)
    monkeypatch.setattr(after, "read_the_writes_back", crash)
    monkeypatch.setattr(after, "_compare_the_objects", lambda work: work.connections.on_kube(look))
    found = system.drill(system.order("pod-kill"))
    assert (found.status, found.aborted, seen) == (Status.INCONCLUSIVE, True, ["looked"])
