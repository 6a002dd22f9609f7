"""What users saw, out of a real Prometheus: one history for each wrong way, where that way passes and ours doesn't."""

from __future__ import annotations

import pytest

from tests.prometheus.asking import ask, interval


def test_an_error_ratio_is_errors_over_all_requests_of_the_window(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "steady", window="5m")
    assert float(seen.value or 0) == pytest.approx(0.02, abs=0.001), seen.problem
    assert 0.016 < interval(seen)[0] < 0.02 < interval(seen)[1] < 0.024
    assert seen.samples == pytest.approx(6000, abs=100)


def test_without_a_series_of_errors_the_ratio_is_zero_and_not_empty(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "flawless")
    assert seen.value == 0
    assert interval(seen)[1] < 0.002, "zero of three thousand"


def test_without_traffic_there_is_no_ratio_and_scrapes_are_none(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "idle")
    assert seen.nothing
    assert "no request was counted" in seen.problem
    assert "send traffic" in seen.remedy


def test_the_first_burst_of_errors_is_seen_though_its_series_was_born_with_it(remembering: str) -> None:
    """``increase`` of a series that never changed is 0, however large it was born."""
    seen = ask(remembering, "http.error_ratio", "burst", window="5m")
    assert float(seen.value or 0) == pytest.approx(300 / 3300, rel=0.03)


def test_a_counter_that_starts_over_is_no_negative_rate(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "restarted", window="5m")
    assert float(seen.value or 0) == pytest.approx(1 / 11, rel=0.1)
    assert seen.samples == pytest.approx(3300, rel=0.1)


def test_pods_with_little_traffic_weigh_little(remembering: str) -> None:
    """The mean of the pods' ratios is 50 %."""
    seen = ask(remembering, "http.error_ratio", "uneven")
    assert float(seen.value or 0) == pytest.approx(0.001, rel=0.2)


def test_errors_of_now_aren_t_diluted_by_a_life_of_good_answers(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "late", window="2m")
    assert float(seen.value or 0) == pytest.approx(0.5, abs=0.03)


def test_a_counter_without_a_status_shows_no_errors_and_says_so(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "unlabelled", metric="hits_total")
    assert seen.nothing
    assert "has no label status" in seen.problem


def test_a_metric_that_isn_t_there_is_no_zero(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "steady", metric="requests_total")
    assert seen.nothing
    assert "there is no such series" in seen.problem


def test_a_rate_needs_more_than_two_scrapes(remembering: str) -> None:
    seen = ask(remembering, "http.error_rate", "steady", window="40s")
    assert seen.nothing
    assert "a rate needs 4" in seen.problem


def test_rates_are_of_all_pods_together_in_their_unit(remembering: str) -> None:
    assert float(ask(remembering, "http.error_rate", "steady").value or 0) == pytest.approx(0.4, rel=0.1)
    assert float(ask(remembering, "http.throughput", "steady").value or 0) == pytest.approx(20, rel=0.05)
    assert float(ask(remembering, "http.status_ratio", "steady", status="2xx").value or 0) == pytest.approx(0.98)


def test_an_availability_of_a_month_can_t_be_shown_by_an_hour(remembering: str) -> None:
    seen = ask(remembering, "http.availability", "flawless", window="30d")
    low, high = interval(seen)
    assert low < 0.01 < 0.99 < high
    assert "wait" in seen.remedy
    whole = ask(remembering, "http.availability", "flawless", window="20m")
    assert interval(whole)[0] > 0.999


def test_five_minutes_above_are_five_minutes_and_not_one_look(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "late", **{"for": "4m"})
    assert float(seen.value or 0) == pytest.approx(0.5, abs=0.06)
    assert interval(seen)[0] > 0.4


def test_one_good_minute_ends_it(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "relieved", **{"for": "5m"})
    assert seen.value == 0
    assert seen.evidence["most"] == pytest.approx(0.5, abs=0.05)


def test_a_history_that_is_too_short_can_t_show_that_it_lasted(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "young", **{"for": "30m"})
    low, high = interval(seen)
    assert low == 0 < 0.05 < high, "over the limit for as long as it was seen, and nobody knows of before"
    assert "wait" in seen.remedy


def test_a_target_that_nobody_scrapes_is_told_with_those_that_are(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "steady", labels='job="stedy"', window="1m")
    assert seen.nothing
    assert 'has scraped no target up{job="stedy"}' in seen.problem


def test_labels_that_are_no_matchers_are_refused(remembering: str) -> None:
    seen = ask(remembering, "http.error_ratio", "steady", labels='job="a"} or vector(1) #')
    assert "expected matchers such as" in seen.problem
