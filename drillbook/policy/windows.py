"""The ``windows`` of a policy or of an environment: when drills are allowed, and when they are forbidden."""

from __future__ import annotations

from datetime import UTC, time, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from drillbook.model.window import DAYS, Window, WindowRule
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_source

KEYS: Final = ("id", "drills", "days", "from", "to", "zone", "note")
_CLOCK: Final = "a time of day in quotes such as '02:00'"
_ZONE: Final = "a time zone such as UTC or Europe/Berlin"


def read_windows(top: Section, document: str | None = None) -> tuple[Window, ...]:
    """All windows; with the runbook's ``document`` each must cite its line, else its own line is where it is from."""
    keys = KEYS if document is None else (*KEYS, "source")
    sections = top.children("windows", keys)
    refuse_repeats(sections, "id")
    return tuple(window for one in sections if (window := _window(one, document)))


def _window(one: Section, document: str | None) -> Window | None:
    name = one.name("id")
    rule = one.choice("drills", list(WindowRule), "rule for drills")
    begin, end = _clock(one, "from"), _clock(one, "to")
    zone_name = one.text("zone", _ZONE)
    zone = one.parsed("zone", zone_name, _zone) if zone_name else None
    if one.get("days") is not None:
        one.not_empty("days", "a list of weekdays, or no such key for every day")
    days = frozenset(_days(one)) or frozenset(range(7))
    where = f"{one.problems.file}:{one.node.start_mark.line + 1}"
    if document is not None:
        where = str(read_source(one, document))
    one.optional_text("note")
    if not rule or begin is None or end is None or zone is None:
        return None
    return Window(name, WindowRule(rule), begin, end, zone, zone_name, days, where)


def _clock(one: Section, key: str) -> time | None:
    # YAML takes a bare 14:00 for a number of base sixty, so the quotes are not a matter of taste.
    text = one.text(key, _CLOCK)
    return one.parsed(key, text, _time) if text else None


def _time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"expected {_CLOCK}, found {text!r}") from error
    if found.tzinfo is not None:
        raise ValueError(f"expected {_CLOCK} without a zone, which has a key of its own; found {text!r}")
    return found


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"expected {_ZONE}, found {name!r}") from error


def _days(one: Section) -> list[int]:
    found = []
    for name in one.names("days"):
        if name in DAYS:
            found.append(DAYS.index(name))
        else:
            one.problem("days", f"expected weekdays such as sunday, found {name!r}")
    return found
