"""Acknowledged writes that are gone, held against the recovery point that the runbook promises; pure.

A restored backup can't have what was written after it was made. Where the runbook says how old it may be, those writes
are the price that it names; where it names none, they are lost like all others. What a backup must have is never free.
"""

from __future__ import annotations

from collections.abc import Iterator

from drillbook.judge.recovery import time_words
from drillbook.model.drill import RecoveryPoint, WriteTally


def lost_writes(writes: WriteTally, point: RecoveryPoint | None) -> Iterator[str]:
    """A sentence for each way in which acknowledged writes are gone that nobody may lose."""
    before = writes.lost - writes.after_backup
    if before:
        had = ", which the backup that was restored must have" if point else ""
        yield f"{before} of {writes.acknowledged} acknowledged writes are lost{had}: {_named(writes, before)}"
    if not writes.after_backup or point is None:
        return
    age = f"{point.backup} was {time_words(point.seconds)} old when it was restored"
    count = f"{writes.after_backup} of {writes.acknowledged} acknowledged writes are lost"
    if point.limit_seconds is None:
        yield f"{count}: {_named(writes, writes.lost)}: {age}, and the runbook names no recovery point objective"
    elif point.seconds > point.limit_seconds:
        yield f"{count}: {age}, the documented recovery point objective is {time_words(point.limit_seconds)}"


def _named(writes: WriteTally, count: int) -> str:
    return ", ".join(writes.lost_keys[: min(3, count)]) + (" ..." if count > 3 else "")


def losses_told(writes: WriteTally, point: RecoveryPoint | None) -> str:
    """For the praise of a drill in which nobody lost what they may not lose: ``none lost``."""
    if not writes.lost or point is None or point.limit_seconds is None:
        return "none lost"
    return (
        f"{writes.lost} lost that were written after {point.backup}, which was {time_words(point.seconds)} old, within "
        f"the documented recovery point objective of {time_words(point.limit_seconds)}"
    )
