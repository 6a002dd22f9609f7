"""An attestation: what a person says happened, when, and until which day it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's word, dated, with its evidence."""

    attests: str
    """The objective that it answers."""
    who: str
    earliest: datetime
    latest: datetime
    """When it happened: the same moment twice, or a day's first and last where only the day is said."""
    evidence: str
    """A text or an address where somebody else can look it up."""
    expires: date
    """UTC, counted to the end of that day."""
    value: str = ""
    """What was found, as it is written: a duration, or a word such as ``yes``."""
    line: int = 0

    def expired(self, now: datetime) -> bool:
        """Whether its last day is over."""
        return now >= datetime.combine(self.expires + timedelta(days=1), time(), UTC)

    @property
    def when(self) -> str:
        """As the file says it: a day, or a moment."""
        if self.earliest == self.latest:
            return f"{self.earliest:%Y-%m-%dT%H:%MZ}"
        return f"{self.earliest:%Y-%m-%d}"
