"""When a certificate is renewed, and how durations are written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.certmanager.durations import duration
from drillbook.sandbox.certmanager.renewal import renewal_time
from drillbook.sandbox.certmanager.wish import Wish

START = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = Wish.read({"spec": {"secretName": "s", "dnsNames": ["a.example"], "issuerRef": {"name": "i"}}})


def after(lifetime: timedelta, wish: Wish) -> timedelta:
    return renewal_time(START, START + lifetime, wish) - START


def test_a_third_of_the_lifetime_is_left_when_nobody_says_otherwise() -> None:
    assert after(timedelta(days=90), PLAIN) == timedelta(days=60)


def test_renew_before_counts_only_below_the_lifetime() -> None:
    assert after(timedelta(days=90), replace(PLAIN, renew_before=timedelta(days=1))) == timedelta(days=89)
    assert after(timedelta(days=90), replace(PLAIN, renew_before=timedelta(days=90))) == timedelta(days=60)


def test_a_percentage_is_of_the_lifetime_and_yields_to_a_duration() -> None:
    quarter = replace(PLAIN, renew_before_percent=25)
    assert after(timedelta(days=100), quarter) == timedelta(days=75)
    assert after(timedelta(days=100), replace(quarter, renew_before=timedelta(days=5))) == timedelta(days=95)


@given(
    st.integers(3600, 400 * 86400),
    st.one_of(st.none(), st.integers(1, 500 * 86400)),
    st.one_of(st.none(), st.integers(0, 120)),
)
def test_a_new_certificate_is_never_due_at_once_and_always_before_its_end(
    lifetime: int, before: int | None, percent: int | None
) -> None:
    wish = replace(
        PLAIN, renew_before=None if before is None else timedelta(seconds=before), renew_before_percent=percent
    )
    assert timedelta(0) <= after(timedelta(seconds=lifetime), wish) < timedelta(seconds=lifetime)


@given(st.integers(0, 9999), st.integers(0, 59), st.integers(0, 59))
def test_durations_are_read_as_go_writes_them(hours: int, minutes: int, seconds: int) -> None:
    expected = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert duration(f"{hours}h{minutes}m{seconds}s") == expected


@pytest.mark.parametrize("text", ["", "90", "1d", "h", "1h x", "1,5h"])
def test_what_is_no_duration_is_refused_in_gos_words(text: str) -> None:
    with pytest.raises(ValueError, match="time: invalid duration"):
        duration(text)
