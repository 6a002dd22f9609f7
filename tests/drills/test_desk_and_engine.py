"""The engine underneath, and the notes that it and the drill leave for each other."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from chaoslib.exceptions import InterruptExecution

from drillbook.chaos.probes import recovered
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.desk import VARIABLE, Desk
from drillbook.drills.engine import Engine
from drillbook.drills.stop import Stop
from drillbook.errors import DrillAborted


def desk(folder: Path) -> Desk:
    return Desk.lay(folder / "desk", {"holder": "run/drill", "parent": os.getpid(), "longest_seconds": 30})


def test_notes_go_both_ways_with_the_time_at_which_they_were_left(tmp_path: Path) -> None:
    ours = desk(tmp_path)
    before = SYSTEM_CLOCK.monotonic()
    ours.say_as_engine("injected", targets=[1])
    note = ours.from_engine("injected")
    assert note is not None
    assert note.details == {"targets": [1]}
    assert before <= note.at <= SYSTEM_CLOCK.monotonic()
    assert ours.from_engine("injecting") is None
    ours.say_as_drill("go")
    assert ours.wait_for_drill("go", 1, os.getppid()).word == "go"


def test_a_note_that_is_just_being_written_is_not_read(tmp_path: Path) -> None:
    ours = desk(tmp_path)
    (ours.folder / "engine.jsonl").write_text('{"word": "inj')
    assert ours.from_engine("injecting") is None


def test_an_engine_whose_drill_is_gone_undoes(tmp_path: Path) -> None:
    with pytest.raises(DrillAborted, match="is gone: undoing"):
        desk(tmp_path).wait_for_drill("go", 30, parent=1 if os.getppid() != 1 else 2)


def test_an_engine_whose_drill_died_before_it_first_looked_undoes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid = Desk.lay(tmp_path / "desk", {"holder": "run/drill", "parent": os.getpid(), "longest_seconds": 5})
    monkeypatch.setenv(VARIABLE, str(laid.folder))
    # Not this process's parent: the one that started it was gone before this process first looked.
    with pytest.raises(InterruptExecution, match="is gone: undoing"):
        recovered()


def test_an_engine_does_not_wait_for_ever(tmp_path: Path) -> None:
    with pytest.raises(DrillAborted, match=r"did not say 'go' within 0.1 s"):
        desk(tmp_path).wait_for_drill("go", 0.1, os.getppid())


def test_only_a_process_that_a_drill_started_has_a_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Desk.given() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    found = Desk.given()
    assert found is not None
    with pytest.raises(DrillAborted, match=r"brief .* can't be read"):
        _ = found.brief


EXPERIMENT = """
title: waits
description: waits for the word of a drill
configuration: {system: solar, environment: sandbox, component: api}
method:
  - {type: action, name: inject, provider: {type: python, module: drillbook.chaos.probes, func: recovered}}
rollbacks:
  - {type: action, name: undo, provider: {type: python, module: drillbook.chaos.actions, func: undo}}
"""


def engine(folder: Path, text: str = EXPERIMENT) -> Engine:
    path = folder / "experiment.yaml"
    path.write_text(text)
    return Engine(path, desk(folder), {})


def wait_for(what: str, path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.is_file() or what not in path.read_text():
        assert time.monotonic() < deadline, path.read_text() if path.is_file() else "nothing was written"
        time.sleep(0.05)


def test_an_engine_that_is_stopped_rolls_back_and_leaves_its_journal(tmp_path: Path) -> None:
    found = engine(tmp_path)
    found.start()
    wait_for("Action: inject", found.desk.folder / "engine.log")
    found.stop()
    found.stop()
    assert found.ended
    assert found.problem() == ""
    assert found.desk.from_engine("rolled_back") is not None


def test_an_engine_that_is_killed_leaves_no_journal_and_that_is_a_problem(tmp_path: Path) -> None:
    found = engine(tmp_path)
    found.start()
    wait_for("Action: inject", found.desk.folder / "engine.log")
    os.kill(found.pid, signal.SIGKILL)
    assert found.wait(5)
    assert found.problem().startswith("the engine left no journal (its output:")


def test_an_engine_whose_file_is_nonsense_ends_by_itself_and_says_why(tmp_path: Path) -> None:
    found = engine(tmp_path, "title: nothing else\n")
    found.start()
    assert found.wait(20)
    assert "no journal" in found.problem()
    assert "experiment" in found.last_words()


def test_an_engine_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    engine(tmp_path).stop()


def test_the_first_signal_interrupts_once_and_later_ones_are_counted() -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with Stop(said.append) as stop:
        with pytest.raises(KeyboardInterrupt):
            _until_interrupted(stop, signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        assert stop.asked == 2
    assert said == ["stopping as soon as everything is put back"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_before_the_key_is_armed_interrupts_when_it_is() -> None:
    with Stop(lambda text: None) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        with pytest.raises(KeyboardInterrupt):
            stop.arm()


def _until_interrupted(stop: Stop, number: int) -> None:
    stop.arm()
    threading.Timer(0.05, lambda: os.kill(os.getpid(), number)).start()
    time.sleep(5)
