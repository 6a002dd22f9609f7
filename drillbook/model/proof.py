"""Proofs: what became of one check when what it watches was really broken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drillbook.model.verdict import Verdict


class ProofStatus(StrEnum):
    """Of one proof, from bad to good. Only ``proven`` is one."""

    UNDETECTED = "undetected"
    """The violation was there, and the check stayed green or could not tell."""
    FALSE_ALARM = "false alarm"
    """It was detected, and an objective that has nothing to do with it failed too."""
    NOT_BACK = "not back"
    """It was detected and removed, and the check did not pass again in time."""
    UNPROVEN = "unproven"
    """It could not be violated: nobody knows how, or the sandbox didn't let it happen."""
    PROVEN = "proven"
    """Green, red for its own reason, green again."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One objective, violated on purpose."""

    id: str
    """``system/objective``, as its verdicts have it."""
    status: ProofStatus
    reason: str
    """The deciding sentence."""
    limit: str
    where: str = ""
    """What was broken, and how; empty where nothing was."""
    detected: Verdict | None = None
    """What the check said of it; None for a drill."""
    about: str = "objective"
    """What is proven: an ``objective`` or a ``drill``."""
    seen: str = ""
    """Of what a drill failed, in a word or two; empty for a check, and where a drill proved nothing."""
    unplanted: str = ""
    """What a drill came to with nothing planted, where it didn't pass: its runbook doesn't recover the system."""
    implied: tuple[str, ...] = ()
    """Objectives that failed of it too, as they may."""
    alarms: tuple[str, ...] = ()
    """Objectives that failed of it and have nothing to do with it."""
    detected_seconds: float | None = None
    """From when the violation was in place to the check's failing; None where it never did."""
    back_seconds: float | None = None
    """From when the violation was removed to everything passing again; None where it did not, or never failed."""
    took_seconds: float = 0.0
