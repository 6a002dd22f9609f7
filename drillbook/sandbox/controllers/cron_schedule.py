"""When a schedule is due: five cron fields, a macro such as ``@daily``, or ``@every 1h30m``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0}


class BadSchedule(ValueError):
    """A schedule or a time zone that can't be read; says which."""


def times(schedule: str, since: datetime, zone: str | None = None) -> Iterator[datetime]:
    """The times after ``since``, in UTC, without end. Raises BadSchedule; also at the first ``next``."""
    if schedule.startswith("@every "):
        yield from _every(schedule, since)
        return
    fields = MACROS.get(schedule, schedule).replace("?", "*")
    try:
        found = CronSim(fields, since.astimezone(_zone(zone)))
    except CronSimError as error:
        raise BadSchedule(f"unparseable schedule: {schedule!r}: {error}") from None
    for time in found:
        yield time.astimezone(UTC)


def _every(schedule: str, since: datetime) -> Iterator[datetime]:
    text = schedule.removeprefix("@every ").strip()
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise BadSchedule(f"unparseable schedule: {schedule!r}: expected a duration such as 1h30m after @every")
    step = timedelta(seconds=max(1.0, sum(float(number) * _SECONDS[unit] for number, unit in parts)))
    time = since.replace(microsecond=0)
    while True:
        time += step
        yield time


def _zone(name: str | None) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadSchedule(f"unknown time zone {name}") from None
