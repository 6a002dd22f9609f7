"""The result of one drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drillbook.model.policy import DrillPlan
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


@dataclass(frozen=True, slots=True)
class FaultReport:
    """What was done to the system, and how it was seen that it really happened."""

    kind: str
    landed: bool
    targets: tuple[str, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecoveryTime:
    """Seconds from the moment the fault took effect to recovery: between ``lower`` and ``upper``."""

    lower: float
    upper: float


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
