"""The folder where a drill and its engine, two processes, leave notes for each other.

The engine notes what it does (``engine.jsonl``), the drill what it has seen (``drill.jsonl``): append-only JSON lines,
each with its time on CLOCK_MONOTONIC, which is one clock for both. Files, so that whatever either of them had said is
still there when it is killed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from drillbook.clock import SYSTEM_CLOCK
from drillbook.errors import DrillAborted
from drillbook.places import write_whole

VARIABLE: Final = "DRILLBOOK_DESK"
"""Names the folder to the engine."""
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Note:
    """One note."""

    word: str
    at: float
    """Seconds on CLOCK_MONOTONIC."""
    details: Mapping[str, Any] = field(default_factory=dict)


class Desk:
    """Both sides of the desk; each process writes only its own file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._engine, self._drill, self._brief = (
            folder / "engine.jsonl",
            folder / "drill.jsonl",
            folder / "brief.json",
        )

    @classmethod
    def lay(cls, folder: Path, brief: Mapping[str, Any]) -> Desk:
        """A new desk with the brief for the engine: who holds the lock, and which process to outlive by no means."""
        folder.mkdir(parents=True)
        desk = cls(folder)
        desk._brief.write_text(json.dumps(dict(brief), sort_keys=True))
        return desk

    @classmethod
    def given(cls) -> Desk | None:
        """The desk of the drill that started this process, or None where it was started by somebody else."""
        folder = os.environ.get(VARIABLE)
        return cls(Path(folder)) if folder else None

    @property
    def brief(self) -> dict[str, Any]:
        """What the drill tells the engine. Raises DrillAborted where it can't be read."""
        try:
            return dict(json.loads(self._brief.read_text()))
        except (OSError, ValueError) as error:
            raise DrillAborted(f"the drill's brief {self._brief} can't be read: {error}") from error

    def say_as_engine(self, word: str, **details: Any) -> None:
        """The engine notes something."""
        _append(self._engine, word, details)

    def say_as_drill(self, word: str, **details: Any) -> None:
        """The drill notes something."""
        _append(self._drill, word, details)

    def from_engine(self, word: str) -> Note | None:
        """The engine's first note of that word so far."""
        return _first(self._engine, word)

    def wait_for_drill(self, word: str, seconds: float, parent: int) -> Note:
        """Wait for the drill's note of that word.

        Raises DrillAborted when it doesn't come within ``seconds``, or when the drill, process ``parent``, is gone:
        then nobody watches any more, and it is time to undo.
        """
        deadline = time.monotonic() + seconds
        while (note := _first(self._drill, word)) is None:
            if os.getppid() != parent:
                raise DrillAborted("the drill that started this experiment is gone: undoing")
            if time.monotonic() >= deadline:
                raise DrillAborted(f"the drill did not say {word!r} within {seconds:g} s: undoing")
            time.sleep(POLL_SECONDS)
        if os.getppid() != parent:
            raise DrillAborted(f"the drill that started this experiment said {word!r}, and is gone: undoing")
        return note


def _append(path: Path, word: str, details: Mapping[str, Any]) -> None:
    line = json.dumps({"word": word, "at": SYSTEM_CLOCK.monotonic(), **details}, sort_keys=True) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        write_whole(handle, line.encode())
    finally:
        os.close(handle)


def _first(path: Path, word: str) -> Note | None:
    if not path.is_file():
        return None
    # What follows the last newline is a note that is just being written.
    for line in path.read_text().split("\n")[:-1]:
        said = json.loads(line)
        if said.pop("word") == word:
            return Note(word, said.pop("at"), said)
    return None
