"""Actions and probes as Chaos Toolkit calls them: an unknown is never a True, and a doubt interrupts."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from chaoslib.exceptions import ActivityFailed, InterruptExecution

from drillbook.chaos import actions, probes
from drillbook.chaos.doorway import Place
from drillbook.clients.kube import Kube, path_of
from drillbook.drills.desk import VARIABLE, Desk
from drillbook.model.verdict import Status, Verdict
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.judge.records import verdict

__all__ = ["system"]

SOLAR = {"system": "solar", "environment": "sandbox", "component": "api"}


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk of a drill that holds no lock."""
    laid = Desk.lay(tmp_path / "desk", {"holder": "run/drill", "parent": os.getppid(), "longest_seconds": 5})
    monkeypatch.setenv(VARIABLE, str(laid.folder))
    return laid


@pytest.mark.parametrize(
    ("verdicts", "answer"),
    [
        ((verdict("1"),), True),
        ((verdict("1"), verdict("9")), False),
        ((verdict("9"), verdict(None)), False),
        ((verdict("1"), verdict(None)), None),
        ((), None),
    ],
)
def test_objectives_hold_is_true_false_or_a_sentence_and_never_none(
    monkeypatch: pytest.MonkeyPatch, verdicts: tuple[Verdict, ...], answer: bool | None
) -> None:
    monkeypatch.setattr(Place, "objectives", lambda place: verdicts)
    if answer is None:
        with pytest.raises(ActivityFailed, match="nobody can tell whether the objectives hold: "):
            probes.objectives_hold(SOLAR)
    else:
        assert probes.objectives_hold(SOLAR) is answer


def test_a_waived_objective_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "objectives", lambda place: (replace(verdict("9"), status=Status.WAIVED),))
    assert probes.objectives_hold(SOLAR) is True


def test_an_engine_whose_drill_does_not_hold_the_lock_breaks_nothing(system: Solar, desk: Desk) -> None:
    desk.say_as_drill("go")
    with pytest.raises(InterruptExecution, match="not injecting: the lock is not held by the drill that started"):
        actions.inject("pod-kill", configuration=SOLAR)
    refused = desk.from_engine("refused")
    assert refused is not None
    assert refused.details["because"] == (
        "the lock is not held by the drill that started this experiment: run/drill, but None"
    )
    assert desk.from_engine("injecting") is None


def test_an_engine_that_is_not_told_to_go_breaks_nothing(
    system: Solar, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.folder / "brief.json").write_text(json.dumps(desk.brief | {"longest_seconds": 0.2}))
    with pytest.raises(InterruptExecution, match="did not say 'go' within"):
        actions.inject("pod-kill", configuration=SOLAR)
    assert desk.from_engine("injecting") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fault": "meteor"}, "no fault named 'meteor'"),
        ({"fault": "pod-kill", "pods": 2}, "not injecting: 2 of 3 pods"),
        ({"fault": "pod-kill", "pods": "all"}, "pods: expected a whole number, found 'all'"),
        ({"fault": "pod-kill", "configuration": {"system": "solar"}}, "configuration must say environment, component"),
        ({"fault": "pod-kill", "configuration": SOLAR | {"component": "moon"}}, "no component 'moon'"),
    ],
)
def test_what_is_not_right_interrupts_the_run_and_breaks_nothing(
    system: Solar, arguments: dict[str, object], words: str
) -> None:
    async def pods(kube: Kube) -> set[str]:
        return {p["metadata"]["uid"] for p in await kube.list(path_of("pods", NAMESPACE))}

    before = system.on_kube(pods)
    with pytest.raises(InterruptExecution, match=words):
        actions.inject(**({"configuration": SOLAR} | arguments))  # type: ignore[arg-type]
    assert system.on_kube(pods) == before
    assert actions.undo() == {"undone": []}


def test_every_function_that_an_experiment_may_use_is_listed() -> None:
    assert set(actions.__all__) == {"inject", "undo"}
    assert set(probes.__all__) == {"objectives_hold", "recovered"}
