"""A drill that people recover, at a real terminal: a key claims each step, and the stop key undoes everything."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from drillbook.cli.keyboard import HELD_SECONDS
from drillbook.drills.drill import run_drill
from drillbook.errors import ExitCode, Refused
from drillbook.faults.workloads import set_replicas
from drillbook.model.policy import Workload
from tests.drills.conftest import NAMESPACE, Solar, only_drill
from tests.drills.test_drill_command import ended

BACKEND = Workload("deployment", "backend")
_DRAWING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A program at a terminal, and a person before it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.handle, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 120))
        self.before = termios.tcgetattr(theirs)
        self.theirs, self.said = theirs, ""
        environment = os.environ | {"DRILLBOOK_REPORTS": str(folder / "reports"), "TERM": "xterm"}
        line = [sys.executable, "-c", "from drillbook.cli import main; main()", "drill", *words]
        self.program = subprocess.Popen(
            line, env=environment, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )

    def sees(self, text: str, seconds: float = 60) -> None:
        """Wait until the screen shows it."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert time.monotonic() < deadline, (text, self.said[-3000:])
            self._read(0.1)

    def presses(self, key: str) -> None:
        """A key; nothing that was seen before it counts any more."""
        time.sleep(HELD_SECONDS)
        self.said = ""
        os.write(self.handle, key.encode())

    def ends(self, seconds: float = 60) -> int:
        """Its exit code."""
        deadline = time.monotonic() + seconds
        while self.program.poll() is None:
            assert time.monotonic() < deadline, self.said[-3000:]
            self._read(0.1)
        with suppress(OSError):
            self._read(0.1)
        return self.program.returncode

    def _read(self, seconds: float) -> None:
        if select.select([self.handle], [], [], seconds)[0]:
            self.said += _DRAWING.sub("", os.read(self.handle, 65536).decode(errors="replace"))


@contextmanager
def at_a_terminal(folder: Path, *words: str) -> Iterator[Terminal]:
    terminal = Terminal(folder, *words)
    try:
        yield terminal
    finally:
        if terminal.program.poll() is None:
            terminal.program.terminate()
            terminal.program.wait(60)
        os.close(terminal.theirs)
        os.close(terminal.handle)


@pytest.fixture
def by_hand(quick: Path) -> Path:
    """A folder whose ``solar`` has a drill that people recover: backends scaled to none, and the way back."""
    steps = [
        {"type": "scale", "component": "api", "replicas": 3, "line": 141},
        {"type": "wait_ready", "component": "api", "within": "5 min", "line": 148},
    ]
    return only_drill(quick, steps, id="gone", experiment="scale-to-zero", recovery="manual", procedure="bring-back")


def run_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reports" / "latest" / "run.json").read_text())
    return found


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_people_recover_the_system_step_by_step_and_it_is_judged_as_always(system: Solar, by_hand: Path) -> None:
    with at_a_terminal(by_hand, "solar", "gone") as terminal:
        terminal.sees("step 1 of 2")
        terminal.sees("kubectl -n solar-pv-llm-ai scale deployment/backend --replicas=3")
        terminal.sees("bad: ")
        system.on_kube(lambda kube: set_replicas(kube, BACKEND, NAMESPACE, 3))
        terminal.presses("\n")
        terminal.sees("step 2 of 2")
        terminal.sees("of 5 min documented")
        terminal.presses("\n")
        terminal.sees("every step is done: waiting until it has recovered")
        assert terminal.ends() == ExitCode.PASS, terminal.said
        assert termios.tcgetattr(terminal.theirs) == terminal.before
    (drill,) = run_of(by_hand)["drills"]
    timeline = json.loads((by_hand / "reports" / "latest" / drill["timeline"]).read_text())
    steps = [event for event in timeline["events"] if event["kind"] == "step"]
    assert [step["text"] for step in steps] == ["scale api to 3", "wait_ready api"]
    assert all(step["details"]["took_seconds"] > 0 for step in steps)
    assert {step["details"]["claim"] for step in steps} == {"a person said that it is done"}
    assert drill["recovery"] == "manual"
    assert system.left_behind() == []


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_stop_key_puts_everything_back_and_gives_the_terminal_back(system: Solar, by_hand: Path) -> None:
    with at_a_terminal(by_hand, "solar", "gone") as terminal:
        terminal.sees("step 1 of 2")
        terminal.presses("q")
        assert terminal.ends() == ExitCode.INTERRUPTED, terminal.said
        assert termios.tcgetattr(terminal.theirs) == terminal.before
    assert system.left_behind() == []


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_skipped_step_leaves_the_procedure_unproven(system: Solar, by_hand: Path) -> None:
    with at_a_terminal(by_hand, "solar", "gone") as terminal:
        terminal.sees("step 1 of 2")
        system.on_kube(lambda kube: set_replicas(kube, BACKEND, NAMESPACE, 3))
        terminal.presses("\n")
        terminal.sees("step 2 of 2")
        terminal.presses("s")
        assert terminal.ends() == ExitCode.INCONCLUSIVE, terminal.said
    (drill,) = run_of(by_hand)["drills"]
    assert "wait_ready api" in drill["reason"]
    assert "was skipped, so the procedure was not followed as documented" in drill["reason"]
    assert system.left_behind() == []


def test_where_nobody_is_there_a_drill_by_hand_is_refused(system: Solar, by_hand: Path) -> None:
    with pytest.raises(Refused, match="recovered by hand and nobody is there to do it"):
        run_drill(system.order("pod-kill", recovery="manual"), system.said.append, lambda result: None)
    code, _, problems = ended(by_hand, "solar", "gone")
    assert code == ExitCode.DRILL_ABORTED
    assert "recovered by hand and nobody is there to do it" in problems
    assert system.left_behind() == []
