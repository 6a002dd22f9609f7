"""Windows: the stretches of the week in which drills are allowed, or forbidden, by the clock of one place.

A window is written in local time, because people keep it by their own clock: on a night when that clock is changed, its
begin and its end move with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class WindowRule(StrEnum):
    """What a window means for drills."""

    ALLOWED = "allowed"
    """Drills may run inside of it, from begin to end; where there is such a window, nowhere else."""
    FORBIDDEN = "forbidden"
    """No drill may touch it: a backup runs, or everybody sleeps."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window of every week."""

    id: str
    rule: WindowRule
    begin: time
    end: time
    """By the same clock; not later than ``begin`` means on the day after."""
    zone: tzinfo
    zone_name: str
    days: frozenset[int] = frozenset(range(7))
    """Weekdays on which it begins, 0 is Monday."""
    where: str = ""
    """Where it is written: a runbook's line, or an environment's file."""

    def occurrences(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Each time that it comes between ``begin`` and ``end`` (aware), in UTC."""
        day = begin.astimezone(self.zone).date() - timedelta(days=2)
        last = end.astimezone(self.zone).date() + timedelta(days=1)
        while day <= last:
            if day.weekday() in self.days:
                until = day if self.end > self.begin else day + timedelta(days=1)
                opens = datetime.combine(day, self.begin, self.zone).astimezone(UTC)
                closes = datetime.combine(until, self.end, self.zone).astimezone(UTC)
                if opens < end and closes > begin:
                    yield opens, closes
            day += timedelta(days=1)

    def __str__(self) -> str:
        days = "every day" if len(self.days) == 7 else ", ".join(DAYS[day].capitalize() for day in sorted(self.days))
        return f"{self.id} ({days} {self.begin:%H:%M} to {self.end:%H:%M} {self.zone_name}, {self.where})"


def why_closed(windows: Sequence[Window], begin: datetime, end: datetime) -> str:
    """Why nothing may go on from ``begin`` to ``end`` (aware); empty where it may."""
    for window in windows:
        if window.rule is WindowRule.FORBIDDEN and any(window.occurrences(begin, end)):
            return f"the window {window} forbids drills, and this one would last from {_span(begin, end)}"
    allowing = [window for window in windows if window.rule is WindowRule.ALLOWED]
    inside = [o for window in allowing for o in window.occurrences(begin, end) if o[0] <= begin and end <= o[1]]
    if allowing and not inside:
        named = " or ".join(map(str, allowing))
        return f"drills are allowed only inside {named}, and this one would last from {_span(begin, end)}"
    return ""


def _span(begin: datetime, end: datetime) -> str:
    return f"{begin.astimezone(UTC):%a %H:%M} to {end.astimezone(UTC):%a %H:%M} UTC"
