"""A policy is the machine-readable form of one runbook: *what* must hold, each number with the line that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from drillbook.model.limit import Limit
from drillbook.model.procedures.entry import Entry
from drillbook.model.text_limit import OwedLimit, TextLimit
from drillbook.model.window import Window

type AnyLimit = Limit | TextLimit | OwedLimit

WATCHERS: Final = frozenset({"prometheus", "alertmanager"})
"""Engines of components that watch the system, often several systems, and are no part of it."""


class Severity(StrEnum):
    """How much a violation matters, from worst to least; runbooks name their own levels in ``Policy.severities``."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a runbook says something."""

    document: str
    section: str
    lines: tuple[int, int]
    """First and last line, the same where it is one line."""

    def __str__(self) -> str:
        first, last = self.lines
        return f"{self.document}:{first if first == last else f'{first}-{last}'} ({self.section})"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Kubernetes workload: ``deployment/backend``."""

    kind: str
    """``deployment`` or ``statefulset``."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Route:
    """One request that the API answers: ``GET /orders``, with how often a load test sends it."""

    method: str
    path: str
    weight: int = 1
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WriteRoutes:
    """How the write ledger writes and reads back; ``{key}`` stands for the write's own key."""

    write: Route
    read: Route
    """Reads back one write by its key: 200 with the stored body, 404 where it isn't there."""
    listing: Route | None = None
    """Reads back every stored write whose key begins with ``{prefix}``: ``{"items": [body, ...]}``."""


@dataclass(frozen=True, slots=True)
class Component:
    """A named part of the system, and how the platform knows it."""

    id: str
    namespace: str
    workload: Workload | None = None
    service: str | None = None
    ingress: str | None = None
    port: int | None = None
    health: str | None = None
    """Path of the health endpoint."""
    engine: str | None = None
    """``postgres``, ``redis``, ``prometheus`` or ``alertmanager``, where the component is one."""
    database: str | None = None
    user: str | None = None
    routes: tuple[Route, ...] = ()
    writes: WriteRoutes | None = None

    @property
    def read_route(self) -> Route | None:
        """The route that stands for reading: the most frequent GET that asks for no particular key."""
        plain = [r for r in self.routes if r.method == "GET" and "{" not in r.path]
        return max(plain, key=lambda r: r.weight, default=None)


@dataclass(frozen=True, slots=True)
class Objective:
    """One documented limit, and the indicator that observes it."""

    id: str
    indicator: str
    component: str | None
    parameters: Mapping[str, Any]
    limit: AnyLimit
    severity: Severity
    source: Source
    line: int
    """Its own line in the policy file."""
    note: str = ""
    """How an ambiguity of the runbook was decided."""
    file: str = ""
    """The policy file, as sentences name it."""
    via: str = ""
    """Through which source it is observed: one of ``Indicator.vias``, the first where the policy says none."""
    covers: tuple[str, ...] = ()
    """The rows of ``requirements.yaml`` that it answers; its own id where the policy says none."""
    tags: tuple[str, ...] = ()
    """Words of the team's own to select by."""
    abort: bool = False
    """Whether its violation ends a running drill at once."""
    limit_from: str = ""
    """Where the limit is from when the runbook gives none: the environment's file and line."""
    stated: AnyLimit | None = None
    """The runbook's own limit, where the environment has another one: what its alerts compare with stays as it was."""


@dataclass(frozen=True, slots=True)
class SeverityLevel:
    """What a runbook promises for one of its severity levels (``P0``)."""

    name: str
    severity: Severity
    response: timedelta | None
    resolution: timedelta | None
    source: Source


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """One drill of a system: which experiment, on which component, and the documented time it must recover in."""

    id: str
    experiment: str
    component: str
    level: str
    """Key into ``Policy.severities``, whose resolution time limits the recovery time; empty where it has no level."""
    recovery: str
    """``self``, ``procedure``, or ``manual``: people follow the procedure, on a game day."""
    procedure: str | None
    source: Source
    note: str = ""
    covers: tuple[str, ...] = ()
    """The rows of ``requirements.yaml`` that it answers; its own id where the policy says none."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What the experiment's configuration takes from this system, such as which Secret: by its name there."""
    recovery_point: timedelta | None = None
    """The documented recovery point objective: how old what is restored may be; None where the runbook gives none."""
    alert: str = ""
    """The alert that the runbook names for this failure; empty where it documents none."""
    within: timedelta | None = None
    """The documented time of this drill's own, before its level's. Where there is neither, an environment gives one."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A documented recovery procedure: typed steps, and what they recover from."""

    id: str
    source: Source
    recovers: tuple[str, ...]
    within: timedelta | None
    steps: tuple[Entry, ...]
    then: tuple[Entry, ...] = ()
    """What must be true afterwards."""
    note: str = ""
    document_only: str = ""
    """Why no machine can follow it; such a procedure has no steps."""
    covers: tuple[str, ...] = ()
    """The rows of ``requirements.yaml`` that it answers; its own id where the policy says none."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything one runbook promises, as far as a machine can hold a system to it."""

    system: str
    title: str
    document: str
    path: Path
    components: Mapping[str, Component]
    objectives: tuple[Objective, ...]
    severities: Mapping[str, SeverityLevel] = field(default_factory=dict)
    drills: tuple[DrillPlan, ...] = ()
    procedures: Mapping[str, Procedure] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    """When the runbook wants drills, and when it doesn't: its maintenance and backup windows."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that the system lives in: nothing outside of them may change. What watches it lives beside."""
        return tuple(sorted({c.namespace for c in self.components.values() if c.engine not in WATCHERS}))
