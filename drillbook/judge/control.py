"""The control arm: the same fault without the documented procedure. What heals by itself proves no procedure; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from drillbook.judge.recovery import span_words, time_words
from drillbook.model.drill import DrillResult, RecoveryTime
from drillbook.model.timeline import EventKind
from drillbook.model.verdict import Status


@dataclass(frozen=True, slots=True)
class ControlArm:
    """What became of the system when nobody did anything."""

    landed: bool
    recovery: RecoveryTime | None
    waited_seconds: float
    undone: bool
    reason: str

    @classmethod
    def of(cls, result: DrillResult) -> ControlArm:
        """Read off the drill without its procedure."""
        begun = result.timeline.first(EventKind.INJECTING)
        last = max((sample.due + sample.took for sample in result.timeline.samples), default=0.0)
        waited = max(0.0, last - begun.at) if begun else 0.0
        return cls(result.fault.landed, result.recovery, waited, result.undone, result.reason)


def against(arm: ControlArm, result: DrillResult) -> DrillResult:
    """The drill with its procedure, held against the one without: a pass stays one only where the procedure was needed.

    What the control arm saw is in the fault's evidence, whatever the verdict.
    """
    recovered = None if arm.recovery is None else [arm.recovery.lower, arm.recovery.upper]
    evidence: dict[str, Any] = {"recovered_seconds": recovered, "waited_seconds": round(arm.waited_seconds, 3)}
    fault = replace(result.fault, evidence={**result.fault.evidence, "without the procedure": evidence})
    if doubt := _doubt(arm):
        status = Status.INCONCLUSIVE if result.status is Status.PASS else result.status
        reason = doubt if result.status is Status.PASS else f"{result.reason}; {doubt}"
        return replace(result, fault=fault, status=status, reason=reason)
    needed = f"without the procedure it had not recovered after {time_words(arm.waited_seconds)}"
    return replace(result, fault=fault, reason=f"{result.reason}; {needed}")


def _doubt(arm: ControlArm) -> str:
    """Why the procedure is unproven; empty where it was needed."""
    if not arm.landed:
        return f"the control arm proves nothing, its fault was not seen to land: {arm.reason}"
    if arm.recovery is not None:
        return f"the procedure is unproven: without it the system recovered by itself in {span_words(arm.recovery)}"
    return ""
