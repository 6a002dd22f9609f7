"""The result of one drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from drillbook.model.policy import DrillPlan, Source
from drillbook.model.timeline import Interval, Timeline
from drillbook.model.verdict import Status, Verdict


@dataclass(frozen=True, slots=True)
class WriteTally:
    """What became of the numbered writes, read back after recovery."""

    sent: int
    acknowledged: int
    lost: int
    """Acknowledged, and not there."""
    duplicated: int
    altered: int
    """There, with another body than the acknowledged one."""
    unanswered: int
    """Sent, and no answer came: may be there or not, neither is wrong."""
    phantom: int = 0
    """There, and never sent (or refused)."""
    rejected: int = 0
    """Answered with an error."""
    lost_keys: tuple[str, ...] = ()
    after_backup: int = 0
    """Of the lost ones, those that were acknowledged after the backup had been made that was restored."""


@dataclass(frozen=True, slots=True)
class FaultReport:
    """What was done to the system, and how it was seen that it really happened."""

    kind: str
    landed: bool
    targets: tuple[str, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    routine: bool = False
    """Nothing was broken: a routine procedure was followed, and the time until it was done is what is judged."""


@dataclass(frozen=True, slots=True)
class RecoveryTime:
    """Seconds from the moment the fault took effect to recovery: between ``lower`` and ``upper``."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class PostCondition:
    """One thing that the policy says must be true after the procedure, judged before the fault's undo."""

    type: str
    """One of ``AFTERWARDS``."""
    text: str
    """``replicas_restored api``."""
    status: Status
    """``inconclusive`` where it could not be seen."""
    reason: str
    """What was expected and found, or why nothing was seen."""
    source: Source


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """To which moment a restored backup brought the data back."""

    backup: str
    """The file that was restored."""
    seconds: float
    """How old it was when it was restored: what was written in this time can't be in it."""
    limit_seconds: float | None
    """The documented recovery point objective; None where the runbook gives none."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What became of the alert that the runbook names for this failure. Times are seconds, None where not seen."""

    alert: str
    status: Status
    reason: str
    """What was expected and found, or why nothing was seen."""
    fired_seconds: float | None = None
    """From the injection until it was first seen firing."""
    limit_seconds: float | None = None
    """In what time the loaded rule promises to fire."""
    severity: str = ""
    """The loaded rule's label."""
    cleared_seconds: float | None = None
    """From the recovery until it was first seen not firing any more."""


class Failing(StrEnum):
    """What a violation is one of."""

    WRITES = "lost writes"
    """Acknowledged ones that are gone, doubled or altered."""
    UNDO = "undo"
    NOT_RECOVERED = "not recovered"
    LATE_STEP = "late step"
    DATA = "data changed"
    IDENTITY = "identity"
    """A certificate or a password is the old one."""
    OBJECTIVE = "objective"
    """One doesn't hold after the recovery."""
    POST_CONDITION = "post-condition"
    """Something that must be true after the procedure isn't."""
    STEP = "a step failed"
    """The procedure can't be followed to its end."""
    ALERT = "alert"
    CHANGED = "something changed"
    """An object that nothing in the drill speaks of."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with the system, its procedure or the clean-up."""

    of: Failing
    reason: str
    """What was expected and found."""


@dataclass(frozen=True, slots=True)
class DrillResult:
    """One drill, judged: the system, the drill itself and the clean-up each have a verdict."""

    id: str
    """``system/drill``."""
    plan: DrillPlan
    status: Status
    reason: str
    """The deciding sentence."""
    fault: FaultReport
    baseline_held: bool
    load_flowed: bool
    outages: tuple[Interval, ...]
    outage_seconds: float
    recovery: RecoveryTime | None
    limit_seconds: float | None
    detected_seconds: float | None
    writes: WriteTally
    objectives_after: tuple[Verdict, ...]
    residue: tuple[str, ...]
    """What was left changed, a sentence each."""
    undone: bool
    timeline: Timeline
    aborted: bool = False
    """Refused, aborted, or undo failed: exit code 4."""
    took_seconds: float = 0.0
    then: tuple[PostCondition, ...] = ()
    """What the procedure's ``then`` came to, in the policy's order; empty where no procedure was followed."""
    recovery_point: RecoveryPoint | None = None
    """None where no backup was restored."""
    detection: Detection | None = None
    """None where no alert is documented for this failure."""
    limit_from: str = ""
    """Where ``limit_seconds`` is said: the runbook's line, or the environment's with its reason."""
    limit_ours: bool = False
    """It is the environment's, as the runbook gives none."""
    violations: tuple[Violation, ...] = ()
    """All that is wrong, worst first; the first one's reason is the deciding sentence."""
