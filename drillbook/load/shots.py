"""One request of a load test, and the file that keeps them all: a line each, written at once, readable after a kill."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

RECORD = "load.jsonl"
"""The file's name in a run's folder."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One arrival and what became of it. Times are seconds."""

    component: str
    route: str
    """``GET /orders``, as the policy writes it."""
    due: float
    """When it should have left: since the load began."""
    late: float
    """How much later than that it left: this machine's own delay, which ``took`` includes."""
    took: float
    """From when it was due to the last byte of the answer, or to giving up."""
    status: int | None
    """None where no answer came: refused, reset, timed out."""
    problem: str = ""

    @property
    def failed(self) -> bool:
        """No answer, or the server's own error (5xx)."""
        return self.status is None or self.status >= 500


class ShotWriter:
    """Appends shots to a file, each at once."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", buffering=1)

    def write(self, shot: Shot) -> None:
        self._file.write(json.dumps(dataclasses.asdict(shot)) + "\n")

    def close(self) -> None:
        self._file.close()


def read_shots(path: Path) -> tuple[Shot, ...]:
    """All whole lines of the file, in the order of their due times; none where there is no file yet."""
    if not path.exists():
        return ()
    lines: Iterable[str] = path.read_text(encoding="utf-8").split("\n")[:-1]
    return tuple(sorted((Shot(**json.loads(line)) for line in lines), key=lambda shot: shot.due))
