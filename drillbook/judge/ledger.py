"""What became of numbered writes: the acknowledged ones must all be there, once, as they were written.

An answer decides what may be true afterwards. Acknowledged: it must be there. Refused (4xx): it must not. Anything
else, a 5xx or no answer at all, leaves it open, because a server may commit and fail to say so: neither finding such a
write nor missing it is wrong. Found twice is wrong however it was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drillbook.model.drill import WriteTally

LOST_KEYS_TOLD: Final = 100
"""So many lost keys are named; the count is always whole."""


class Fate(StrEnum):
    """How one write was answered."""

    SENT = "sent"
    """Written down before the send, and nothing after it: our own process ended in between."""
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """A 4xx: the system says that it did not store it."""
    FAILED = "failed"
    """A 5xx: answered, but it doesn't say whether the write was stored."""
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Stored:
    """One key as it was read back: how often, and with which bodies."""

    copies: int
    bodies: tuple[str, ...]

    def with_more(self, other: Stored) -> Stored:
        """Both together, for a listing that names a key more than once."""
        return Stored(self.copies + other.copies, self.bodies + other.bodies)


def fate_of(status: int) -> Fate:
    """The fate of a write that was answered with HTTP ``status``. A redirect is no acknowledgement."""
    if 200 <= status < 300:
        return Fate.ACKNOWLEDGED
    # 408 and 429 may come from a proxy that had already passed the request on.
    if 400 <= status < 500 and status not in {408, 429}:
        return Fate.REFUSED
    return Fate.FAILED


def tally(
    fates: Mapping[str, Fate],
    stored: Mapping[str, Stored],
    body_of: Callable[[str], str],
    after_backup: Callable[[str], bool] = lambda _key: False,
) -> WriteTally:
    """Hold what was read back (``stored``) against what was answered (``fates``); linear in both.

    ``body_of(key)`` is the body that was sent under that key; ``after_backup(key)`` says whether it was acknowledged
    after the backup that was restored. Lost keys that the backup must have are named first.
    """
    there = {key for key, found in stored.items() if found.copies > 0}
    acknowledged = [key for key, fate in fates.items() if fate is Fate.ACKNOWLEDGED]
    lost = sorted((key for key in acknowledged if key not in there), key=lambda key: (after_backup(key), key))
    known = [key for key in there if key in fates and fates[key] is not Fate.REFUSED]
    return WriteTally(
        sent=len(fates),
        acknowledged=len(acknowledged),
        lost=len(lost),
        duplicated=sum(stored[key].copies > 1 for key in known),
        altered=sum(any(body != body_of(key) for body in stored[key].bodies) for key in known),
        unanswered=sum(fate in {Fate.UNANSWERED, Fate.SENT} for fate in fates.values()),
        phantom=len(there) - len(known),
        rejected=sum(fate in {Fate.REFUSED, Fate.FAILED} for fate in fates.values()),
        lost_keys=tuple(lost[:LOST_KEYS_TOLD]),
        after_backup=sum(map(after_backup, lost)),
    )
