"""What a drill has seen so far: every step of it leaves here what it saw, and it is judged from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from drillbook.drills.residue import Snapshot
from drillbook.drills.steps.ground import Restored
from drillbook.faults.fault import Landing, Target
from drillbook.judge.detection import AlertSight
from drillbook.model.content import Content
from drillbook.model.drill import PostCondition, WriteTally
from drillbook.model.timeline import Event
from drillbook.model.verdict import Verdict


@dataclass
class Findings:
    """What has been seen. Times are seconds since the drill's start."""

    events: list[Event] = field(default_factory=list)
    before: tuple[Verdict, ...] = ()
    after: tuple[Verdict, ...] = ()
    meant: tuple[Target, ...] = ()
    """What the engine was about to hit."""
    targets: tuple[Target, ...] = ()
    landing: Landing = field(default_factory=lambda: Landing(False))
    server_before: datetime | str = "nobody asked"
    """When the database server was started that answered before the fault, or why that couldn't be seen."""
    objects_before: Snapshot = field(default_factory=dict)
    content_before: tuple[Content, ...] = ()
    """Two looks at the tables before the fault; fewer where they couldn't be read, or needn't be."""
    changed_tables: tuple[str, ...] = ()
    compared: bool = False
    """The tables were compared after the recovery."""
    not_compared: str = "the tables were not compared with what they held before the fault"
    identity_problems: tuple[str, ...] = ()
    printed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list, repr=False)
    """What each step printed, by its description; it may hold secrets, and no report has it."""
    then: tuple[PostCondition, ...] = ()
    alert: AlertSight | None = None
    """The alert that the runbook names; None where it names none."""
    residue: tuple[str, ...] | None = None
    writes: WriteTally | None = None
    restored: Restored | None = None
    """The last backup that the procedure loaded."""
    writes_hidden: bool = False
    """Nobody could read them back before the undo, which put the data back: what is there now says nothing."""
    followed: bool = False
    """The procedure was followed to its end, every step of it."""
    undone: bool = True
    """Nothing is broken, or everything is put back."""
    injecting: float | None = None
    """When the engine began to inject: from then on the system may be broken."""
    waited: float = 0.0
    problems: list[str] = field(default_factory=list)
    aborted: str = ""
    """Why the drill was ended before its time; empty where it wasn't."""
