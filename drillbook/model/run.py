"""A run: one command's verdicts and drills, as ``run.json`` keeps them. Every report is a function of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from drillbook.errors import ExitCode
from drillbook.model.drill import DrillResult
from drillbook.model.proof import Proof
from drillbook.model.verdict import Verdict

SCHEMA: Final = "drillbook.run/v1"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load test saw: judged by the same objectives."""

    requests: int
    failures: int
    rate: float
    seconds: float
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Objectives that this run left out by itself. They make it neither red nor green."""

    reason: str
    objectives: tuple[str, ...]
    """Their ids, as verdicts would have them: ``solar/p0-response``."""

    @property
    def sentence(self) -> str:
        count = len(self.objectives)
        return f"{count} objective{' was' if count == 1 else 's were'} not asked: {self.reason}"


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one command found out."""

    id: str
    command: str
    system: str
    title: str
    environment: str
    environment_class: str
    started: datetime
    finished: datetime
    status: str
    """A Status, or ``interrupted``, or ``error``."""
    exit_code: ExitCode
    versions: Mapping[str, str]
    verdicts: tuple[Verdict, ...] = ()
    drills: tuple[DrillResult, ...] = ()
    load: LoadResult | None = None
    waivers: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """Sentences about the run itself: why it was cut short, what could not be looked at."""
    not_asked: NotAsked | None = None
    proofs: tuple[Proof, ...] = ()
