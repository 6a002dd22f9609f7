"""A recovery may take as long as is documented for what was broken, and a search says when it waited for less."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.checking import load_system
from drillbook.explore.moves import Break
from drillbook.explore.patience import patience, times_of
from drillbook.policy.given_times import TimeLimit

KILL, FLUSH = Break("pod-kill", "api"), Break("cache-flush", "cache")
TIMES = {
    ("pod-kill", "api"): TimeLimit(timedelta(seconds=90), "environments/sandbox.yaml:7: ours", ours=True),
    ("cache-flush", "cache"): TimeLimit(timedelta(hours=1), "runbook.txt:82, P0", ours=False),
}


def test_the_documented_time_of_what_was_broken_is_the_limit() -> None:
    found = patience([KILL], TIMES, 120)
    assert str(found) == "90 s (given here: environments/sandbox.yaml:7: ours)"


def test_the_same_fault_on_another_component_has_not_that_time() -> None:
    found = patience([Break("pod-kill", "worker")], TIMES, 120)
    assert str(found) == "120 s (no longer is waited here; no drill gives pod-kill on worker a time)"


def test_of_several_failures_the_slowest_may_take_its_time() -> None:
    assert patience([KILL, FLUSH, KILL], TIMES, 7200).seconds == 3600
    assert patience([KILL, Break("pod-kill", "worker")], TIMES, 300).seconds == 300


def test_a_search_that_waits_for_less_says_what_is_documented() -> None:
    found = patience([FLUSH], TIMES, 120)
    assert str(found) == "120 s (no longer is waited here; 3600 s are documented: runbook.txt:82, P0)"


def test_where_nothing_was_broken_the_patience_is_all_there_is() -> None:
    assert patience([], TIMES, 120).seconds == 120


@pytest.mark.parametrize("system", ["solar", "rag7", "smartcloudops", "aic"])
def test_every_drill_with_a_time_gives_it_to_its_fault_and_component(system: str, tmp_path: Path) -> None:
    policy, environment, _ = load_system(system, "sandbox", "nowhere")
    times = times_of(policy, environment)
    assert times
    assert all(component in policy.components for _, component in times)
    if system == "solar":
        # Its P0: resolved within an hour.
        assert times["pod-kill", "database"].time == timedelta(hours=1)
        assert not times["pod-kill", "database"].ours
