"""Windows: when drills are allowed, and when they are forbidden, by the clock of one place."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.window import Window, WindowRule, why_closed
from drillbook.policy import load_environment, load_policy
from tests.policy.texts import ENVIRONMENT, POLICY, changed, complaint, written

SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)
WINDOWS = """
windows:
  - id: maintenance
    drills: forbidden
    days: [sunday]
    from: "02:00"
    to: "04:00"
    zone: UTC
    source: {section: Maintenance, line: 40}
"""


def window(rule: WindowRule, begin: str, end: str, zone: str = "UTC", *days: int) -> Window:
    hours = time.fromisoformat(begin), time.fromisoformat(end)
    return Window("night", rule, *hours, ZoneInfo(zone), zone, frozenset(days or range(7)), "runbook.txt:40")


def at(hours: float, lasts_minutes: float = 10) -> tuple[datetime, datetime]:
    begin = SUNDAY + timedelta(hours=hours)
    return begin, begin + timedelta(minutes=lasts_minutes)


@pytest.mark.parametrize(
    ("hours", "lasts", "closed"),
    [
        (1.5, 10, False),
        (1.9, 10, True),
        (2, 10, True),
        (3.99, 1, True),
        (4, 10, False),
        (0, 600, True),
        (26.5, 10, False),
    ],
)
def test_a_forbidden_window_must_not_be_touched_not_even_by_the_end(hours: float, lasts: float, closed: bool) -> None:
    sunday_night = window(WindowRule.FORBIDDEN, "02:00", "04:00", "UTC", 6)
    assert bool(why_closed([sunday_night], *at(hours, lasts))) is closed


@pytest.mark.parametrize(
    ("hours", "lasts", "closed"), [(2, 10, False), (2, 120, False), (2, 121, True), (1.99, 10, True), (26, 10, True)]
)
def test_an_allowing_window_must_hold_the_drill_from_begin_to_end(hours: float, lasts: float, closed: bool) -> None:
    sunday_night = window(WindowRule.ALLOWED, "02:00", "04:00", "UTC", 6)
    assert bool(why_closed([sunday_night], *at(hours, lasts))) is closed


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    saturday_night = window(WindowRule.FORBIDDEN, "23:00", "01:00", "UTC", 5)
    assert why_closed([saturday_night], *at(0.5))
    assert not why_closed([saturday_night], *at(24.5))


def test_the_windows_own_clock_counts_also_when_it_is_changed() -> None:
    berlin = window(WindowRule.FORBIDDEN, "03:00", "04:00", "Europe/Berlin")
    summer, winter = datetime(2026, 7, 1, 1, 30, tzinfo=UTC), datetime(2026, 12, 1, 1, 30, tzinfo=UTC)
    minute = timedelta(minutes=1)
    assert why_closed([berlin], summer, summer + minute)
    assert not why_closed([berlin], winter, winter + minute)
    assert why_closed([berlin], winter + timedelta(hours=1), winter + timedelta(hours=1, minutes=1))


def test_the_sentence_names_the_window_its_place_and_the_drills_own_time() -> None:
    said = why_closed([window(WindowRule.FORBIDDEN, "02:00", "04:00", "UTC", 6)], *at(3))
    assert said == (
        "the window night (Sunday 02:00 to 04:00 UTC, runbook.txt:40) forbids drills, "
        "and this one would last from Sun 03:00 to Sun 03:10 UTC"
    )


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.integers(0, 3000),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(-12, 14),
)
def test_no_minute_of_a_drill_that_may_run_is_forbidden(
    begin: datetime, minutes: int, opens: int, closes: int, days: frozenset[int], offset: int
) -> None:
    zone = timezone(timedelta(hours=offset))
    first, last = (time(minute // 60, minute % 60) for minute in (opens, closes))
    one = Window("night", WindowRule.FORBIDDEN, first, last, zone, "here", days)
    start = begin.replace(tzinfo=UTC)
    end = start + timedelta(minutes=minutes, seconds=1)
    if why_closed([one], start, end):
        return
    length = timedelta(minutes=(closes - opens) % 1440 or 1440)
    for minute in range(0, minutes + 1, 7):
        local = (start + timedelta(minutes=minute)).astimezone(zone)
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            opened = datetime.combine(day, first, zone)
            assert not (day.weekday() in days and opened <= local < opened + length)


def test_a_policys_window_cites_its_line_and_an_environments_its_own(tmp_path: Path) -> None:
    (one,) = load_policy(written(tmp_path, POLICY + WINDOWS)).windows
    assert (one.id, one.rule, one.days, one.where) == (
        "maintenance", WindowRule.FORBIDDEN, frozenset({6}), "runbook.txt:40 (Maintenance)"
    )  # fmt: skip
    text = ENVIRONMENT + changed(WINDOWS, "    source: {section: Maintenance, line: 40}\n", "")
    written(tmp_path, text, "environments/prod.yaml")
    (own,) = load_environment(tmp_path, "prod").windows
    assert own.where.endswith("environments/prod.yaml:12")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"02:00"', "14:00", "windows[0].from: expected a time of day in quotes such as '02:00', found"),
        ('"02:00"', '"2 am"', "windows[0].from: expected a time of day in quotes such as '02:00', found '2 am'"),
        ('"02:00"', '"02:00Z"', "windows[0].from: expected a time of day in quotes such as '02:00' without a zone"),
        ("zone: UTC", "zone: Mars/Base", "windows[0].zone: expected a time zone such as UTC or Europe/Berlin, found"),
        ("zone: UTC", "zone: ../../etc/passwd", "windows[0].zone: expected a time zone such as UTC or"),
        ("    zone: UTC\n", "", "windows[0].zone: expected a time zone such as UTC or Europe/Berlin, found nothing"),
        ("[sunday]", "[sun]", "windows[0].days: expected weekdays such as sunday, found 'sun'"),
        ("[sunday]", "[]", "windows[0].days: expected a list of weekdays, or no such key for every day"),
        ("forbidden", "forbiden", "windows[0].drills: unknown rule for drills 'forbiden'; did you mean 'forbidden'?"),
        ("    source: {section: Maintenance, line: 40}\n", "", "windows[0].source: expected the section and line"),
    ],
)
def test_a_window_that_cannot_be_read_closes_the_file(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert sentence in complaint(tmp_path, POLICY + changed(WINDOWS, old, new))
