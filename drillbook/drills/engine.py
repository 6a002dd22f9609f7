"""The engine underneath: Chaos Toolkit in a process of its own, which injects and rolls back, and is believed nothing.

Its exit code and status say "completed" when the fault was never injected, so neither is looked at: what counts is what
its actions wrote on the desk, and that a journal exists at all. It has a session of its own: a Ctrl-C at the terminal
reaches the drill only, which then stops the engine in order.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from drillbook.drills.desk import VARIABLE, Desk
from drillbook.errors import DrillAborted

STOP_SECONDS: Final = 5.0
"""How long a stopped engine may take to roll back before it is killed and the drill undoes by itself."""


class Engine:
    """One ``chaos run``: whoever starts it must stop it."""

    def __init__(self, experiment: Path, desk: Desk, variables: dict[str, str]) -> None:
        self.experiment, self.desk, self.variables = experiment, desk, variables
        self.journal = desk.folder / "chaos-journal.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file"]
        command += ["--settings", str(self.desk.folder / "no-settings.yaml")]
        command += ["run", "--rollback-strategy", "always", "--journal-path", str(self.journal), str(self.experiment)]
        with (self.desk.folder / "engine.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=os.environ | self.variables | {VARIABLE: str(self.desk.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self._running.pid

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._running.poll() is not None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it is still running after ``seconds``."""
        try:
            self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Tell it to roll back and end; kill it when it doesn't. Safe twice."""
        if self._process is None:
            return
        if not self.ended:
            self._process.terminate()
        if not self.wait(STOP_SECONDS):
            self._process.kill()
            self._process.wait()

    def problem(self) -> str:
        """Why the engine can't be believed to have done its part; empty where it can."""
        try:
            # It is opened before it is written: what can't be written leaves half of one.
            whole = isinstance(json.loads(self.journal.read_text()), dict)
        except (OSError, ValueError):
            whole = False
        return "" if whole else f"the engine left no journal (its output: {self.last_words()})"

    def last_words(self) -> str:
        """The end of what it printed."""
        lines = (self.desk.folder / "engine.log").read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise DrillAborted("the engine was never started")
        return self._process
