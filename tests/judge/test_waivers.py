"""A waiver stops a failure from blocking, until its day and up to its ceiling, and never hides anything else."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge import apply_waivers, failure_text, waiver_report
from drillbook.model.verdict import Status, Verdict
from tests.judge.records import verdict, waiver

TODAY = date(2026, 1, 31)
FAILING = verdict("2.5", "2.4", "2.6")
seconds = st.integers(1, 800).map(lambda n: Decimal(n) / 100)
days = st.integers(-40, 40).map(lambda n: TODAY + timedelta(days=n))


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    low, value, high = sorted(draw(st.lists(seconds, min_size=3, max_size=3)))
    return verdict(str(value), str(low), str(high))


def status_of(one: Verdict, ceiling: str = "<= 3 s", expires: str = "2026-01-31", today: date = TODAY) -> Status:
    (after,) = apply_waivers([one], [waiver(ceiling, expires)], today)
    return after.status


def test_a_failure_that_a_waiver_covers_is_waived_and_says_by_whom_and_why() -> None:
    (after,) = apply_waivers([FAILING], [waiver()], TODAY)
    assert after.status is Status.WAIVED
    assert after.waiver == waiver()
    assert after.reason.endswith("; waived until 2026-01-31 up to <= 3 s by platform team: the cache is being moved")
    assert "waived until 2026-01-31 by platform team" in failure_text(after)


def test_a_waiver_counts_to_the_end_of_its_day() -> None:
    assert status_of(FAILING, expires="2026-01-31", today=date(2026, 1, 31)) is Status.WAIVED


def test_a_waiver_past_its_date_no_longer_counts() -> None:
    assert status_of(FAILING, expires="2026-01-31", today=date(2026, 2, 1)) is Status.FAIL


def test_a_waiver_covers_only_what_it_names() -> None:
    (after,) = apply_waivers([FAILING], [waiver(objective_id="error-ratio")], TODAY)
    assert after == FAILING


@pytest.mark.parametrize(
    ("ceiling", "status"),
    [("<= 2.6 s", Status.WAIVED), ("< 2.6 s", Status.FAIL), ("<= 2.5 s", Status.FAIL), ("<= 2.55 s", Status.FAIL)],
)
def test_the_worst_end_of_the_interval_must_be_within_the_ceiling(ceiling: str, status: Status) -> None:
    assert status_of(FAILING, ceiling) is status


def test_an_answer_that_never_came_is_beyond_every_ceiling() -> None:
    assert status_of(verdict("2.5", "2.4", "Infinity"), "<= 9999 h") is Status.FAIL


def test_a_pass_needs_no_waiver_and_keeps_none() -> None:
    passing = verdict("1")
    (after,) = apply_waivers([passing], [waiver()], TODAY)
    assert after == passing


def test_what_was_not_seen_cannot_be_waived() -> None:
    assert status_of(verdict(None)) is Status.INCONCLUSIVE
    assert status_of(verdict("2", "1.5", "2.5")) is Status.INCONCLUSIVE


@given(verdicts(), seconds, days, days)
def test_a_waiver_only_ever_turns_a_failure_into_waived(
    one: Verdict, ceiling: Decimal, expires: date, today: date
) -> None:
    after = status_of(one, f"<= {ceiling} s", expires.isoformat(), today)
    assert after is one.status or (one.status is Status.FAIL and after is Status.WAIVED)


@given(verdicts(), seconds, seconds, days, days)
def test_a_higher_ceiling_waives_no_less(
    one: Verdict, lower: Decimal, more: Decimal, expires: date, today: date
) -> None:
    if status_of(one, f"<= {lower} s", expires.isoformat(), today) is Status.WAIVED:
        assert status_of(one, f"<= {lower + more} s", expires.isoformat(), today) is Status.WAIVED


@given(verdicts(), seconds, days, days, st.integers(0, 400))
def test_a_later_date_waives_no_less(one: Verdict, ceiling: Decimal, expires: date, today: date, later: int) -> None:
    if status_of(one, f"<= {ceiling} s", expires.isoformat(), today) is Status.WAIVED:
        longer = (expires + timedelta(days=later)).isoformat()
        assert status_of(one, f"<= {ceiling} s", longer, today) is Status.WAIVED


@given(st.lists(verdicts(), max_size=4), seconds, days)
def test_waivers_keep_every_verdict_in_its_place(found: list[Verdict], ceiling: Decimal, today: date) -> None:
    after = apply_waivers(found, [waiver(f"<= {ceiling} s")], today)
    assert [v.observation for v in after] == [v.observation for v in found]


@given(verdicts(), seconds, days, days)
def test_applying_waivers_twice_changes_nothing_more(
    one: Verdict, ceiling: Decimal, expires: date, today: date
) -> None:
    waivers = [waiver(f"<= {ceiling} s", expires.isoformat())]
    once = apply_waivers([one], waivers, today)
    assert apply_waivers(once, waivers, today) == once


# What became of the waivers ------------------------------------------------------------------------------------------


@given(verdicts(), seconds, days, days)
def test_the_report_and_the_verdicts_never_disagree(one: Verdict, ceiling: Decimal, expires: date, today: date) -> None:
    waivers = [waiver(f"<= {ceiling} s", expires.isoformat())]
    after = apply_waivers([one], waivers, today)
    report = waiver_report(after, waivers, today)
    assert report == waiver_report([one], waivers, today)
    assert bool(report.used) is (after[0].status is Status.WAIVED)
    groups = (report.used, report.exceeded, report.expired, report.unused, report.untold, report.unselected)
    assert sum(map(len, groups)) == 1


@pytest.mark.parametrize(
    ("ceiling", "expires", "value", "group", "finding"),
    [
        ("<= 3 s", "2027-01-01", "2.5", "used", None),
        (
            "<= 3 s",
            "2026-01-30",
            "2.5",
            "expired",
            "the waiver of api-latency expired on 2026-01-30: platform team removes or renews it",
        ),
        ("<= 3 s", "2027-01-01", "3.5", "exceeded", "the waiver of api-latency no longer covers it: worse than <= 3 s"),
        ("<= 3 s", "2027-01-01", "1.5", "unused", "the waiver of api-latency waives nothing: platform team removes it"),
    ],
)
def test_each_waiver_is_told_by_what_became_of_it(
    ceiling: str, expires: str, value: str, group: str, finding: str | None
) -> None:
    report = waiver_report([verdict(value)], [waiver(ceiling, expires)], TODAY)
    assert [w.objective for w in getattr(report, group)] == ["api-latency"]
    assert report.findings == (() if finding is None else (finding,))
    assert report.as_json()[group] == ["api-latency"]


@pytest.mark.parametrize(("days_left", "soon"), [(-1, False), (0, True), (14, True), (15, False)])
def test_a_waiver_is_announced_to_expire_two_weeks_before(days_left: int, soon: bool) -> None:
    expires = TODAY + timedelta(days=days_left)
    report = waiver_report([FAILING], [waiver(expires=expires.isoformat())], TODAY)
    assert bool(report.expiring_soon) is soon


def test_a_waiver_of_something_that_was_not_checked_is_neither_used_nor_unused() -> None:
    report = waiver_report([], [waiver(expires="2027-01-01")], TODAY)
    assert len(report.unselected) == 1
    assert report.findings == ()
