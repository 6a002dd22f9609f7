"""Conditions that last, targets that are gone, and disks: out of a real Prometheus."""

from __future__ import annotations

import pytest

from tests.prometheus.asking import ask, interval

POOL = {"used": "pool_in_use", "size": "pool_size"}


def test_down_for_two_minutes_is_down_at_every_moment_of_them(remembering: str) -> None:
    assert ask(remembering, "service.up", "down", **{"for": "2m"}).value == 0
    assert ask(remembering, "service.up", "steady", **{"for": "2m"}).value == 1


def test_a_target_that_is_gone_is_down_though_it_has_no_series(remembering: str) -> None:
    """``up == 0`` is silent then: there is nothing that equals 0."""
    seen = ask(remembering, "service.up", "gone", **{"for": "2m"})
    assert seen.value == 0, seen.problem
    assert interval(seen) == (0, 0)


def test_half_a_minute_down_is_not_yet_two(remembering: str) -> None:
    assert ask(remembering, "service.up", "blinking", **{"for": "2m"}).value == 1
    assert ask(remembering, "service.up", "blinking").value == 0, "but it is down now"


def test_a_target_that_was_never_there_is_told_and_is_not_down(remembering: str) -> None:
    seen = ask(remembering, "service.up", "stedy", **{"for": "2m"})
    assert seen.nothing
    assert "its jobs are" in seen.problem


def test_the_fullest_pool_counts_and_no_mean_of_them(remembering: str) -> None:
    seen = ask(remembering, "pool.used_ratio", "pools", **POOL)
    assert float(seen.value or 0) == pytest.approx(0.95)


def test_a_pool_that_had_room_for_a_moment_was_not_full_all_the_while(remembering: str) -> None:
    seen = ask(remembering, "pool.used_ratio", "pools", labels='job="pools",pod="b"', **POOL, **{"for": "5m"})
    assert float(seen.value or 0) == pytest.approx(0.25)
    assert seen.evidence["most"] == pytest.approx(0.95)
    stuck = ask(remembering, "pool.used_ratio", "pools", **POOL, **{"for": "5m"})
    assert interval(stuck) == pytest.approx((0.95, 0.95))
    assert stuck.evidence["worst_series"]["pod"] == "a"


def test_a_gauge_that_isn_t_there_is_no_zero(remembering: str) -> None:
    seen = ask(remembering, "pool.used_ratio", "pools", used="connections", size="pool_size")
    assert seen.nothing
    assert "no value of it" in seen.problem


def test_a_while_longer_than_the_history_is_open(remembering: str) -> None:
    seen = ask(remembering, "pool.used_ratio", "pools", **POOL, **{"for": "2h"})
    low, high = interval(seen)
    assert (low, high) == pytest.approx((0, 0.95))
    assert "wait" in seen.remedy


def test_a_disk_is_what_is_available_and_read_only_ones_are_full_by_nature(remembering: str) -> None:
    """``free`` has root's reserve in it, and says 55 %."""
    seen = ask(remembering, "node.disk_ratio", labels='job="nodes"')
    assert float(seen.value or 0) == pytest.approx(0.6), seen.problem
    assert seen.evidence["worst_series"]["mountpoint"] == "/"


def test_where_no_node_exporter_is_scraped_no_disk_is_empty(remembering: str) -> None:
    seen = ask(remembering, "node.disk_ratio", labels='job="steady"')
    assert "scrapes no node_exporter" in seen.problem


def test_a_prometheus_that_isn_t_there_is_one_sentence() -> None:
    seen = ask("127.0.0.1:1", "service.up", "steady")
    assert seen.nothing
    assert "Prometheus at 127.0.0.1:1" in seen.problem
