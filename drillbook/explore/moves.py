"""What a sequence is made of: something breaks, somebody presses, somebody follows a documented procedure.

A move is one activity of a Chaos Toolkit experiment; the record's fields are its ``arguments``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Break:
    """A fault, with its settings as they are by default."""

    fault: str
    component: str
    pods: int = 1
    """How many of the fault's candidates; 0 means all."""

    def __str__(self) -> str:
        return f"{self.fault} on {'all of ' if self.pods == 0 else ''}{self.component}"


@dataclass(frozen=True, slots=True)
class Follow:
    """A documented procedure, from its first step to its last."""

    procedure: str

    def __str__(self) -> str:
        return f"procedure {self.procedure}"


@dataclass(frozen=True, slots=True)
class Press:
    """More users than usual for a while."""

    rate: int
    """Requests per second, beside the usual ones."""
    seconds: int

    def __str__(self) -> str:
        return f"{self.rate} requests per second for {self.seconds} s"


type Move = Break | Follow | Press


class TimeIsUp(BaseException):
    """A search has no time left, also in the middle of a sequence. Hypothesis takes no such thing for a failure."""


type Sequence = tuple[Move, ...]


def words(sequence: Sequence) -> str:
    """``pod-kill on api, then procedure restart``."""
    return ", then ".join(map(str, sequence))


def activity(move: Move) -> tuple[str, dict[str, Any]]:
    """The function that makes this move in an experiment, and its arguments."""
    names = {Break: "break_it", Follow: "follow", Press: "press"}
    return names[type(move)], asdict(move)
