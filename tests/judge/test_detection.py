"""The documented alert: in its time, with its severity, and gone afterwards; what wasn't seen is never a pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge.detection import AlertLook, AlertSight, judge_detection
from drillbook.model.expression import looks_back, prom_seconds
from drillbook.model.policy import Severity
from drillbook.model.verdict import Status
from tests.judge.test_drill import judged

INJECTING, RECOVERED = 10.0, 30.0
SIGHT = AlertSight("ApplicationDown", "", True, 2.0, 1.0, 1.0, 0.0, "critical", Severity.CRITICAL)


def looks(fires: float | None, clears: float | None = 33.0, until: float = 45.0) -> tuple[AlertLook, ...]:
    """A look every half second; firing from ``fires`` until ``clears``."""
    moments = [n * 0.5 for n in range(int(until * 2))]
    return tuple(
        AlertLook(at, "firing" if fires is not None and fires <= at < (clears or 1e9) else "inactive") for at in moments
    )


def found(fires: float | None, recovered: float | None = RECOVERED, **changes: object) -> tuple[Status, str]:
    sight = replace(SIGHT, looks=changes.pop("looks", looks(fires)), **changes)  # type: ignore[arg-type]
    seen = judge_detection(sight, INJECTING, recovered)
    return seen.status, seen.reason


def test_an_alert_that_fires_in_time_and_clears_is_a_pass_with_both_times() -> None:
    seen = judge_detection(replace(SIGHT, looks=looks(13.0)), INJECTING, RECOVERED)
    assert (seen.status, seen.fired_seconds, seen.limit_seconds, seen.cleared_seconds) == (Status.PASS, 3.0, 5.0, 3.0)
    assert seen.reason == (
        "alert ApplicationDown fired after 3 s, the loaded rule promises 5 s (scraped every 1 s, evaluated every 1 s, "
        "for 2 s); it cleared 3 s after the recovery"
    )


@pytest.mark.parametrize(
    ("fires", "changes", "status", "words"),
    [
        (16.0, {}, Status.FAIL, "fired only after 6 s"),
        (None, {}, Status.FAIL, "did not fire in the 20 s of the failure"),
        (13.0, {"severity": "warning"}, Status.FAIL, "fired with severity warning, documented is critical"),
        (13.0, {"severity": ""}, Status.FAIL, "fired with no severity"),
        (13.0, {"severity": "warning", "documented": Severity.MEDIUM}, Status.PASS, "fired after 3 s"),
        (13.0, {"severity": "pager", "documented": None}, Status.PASS, "fired after 3 s"),
        (13.0, {"loaded": False}, Status.FAIL, "no rule ApplicationDown is loaded"),
        (13.0, {"problem": "nothing answers"}, Status.INCONCLUSIVE, "could not be watched: nothing answers"),
        (None, {"for_seconds": 60.0}, Status.INCONCLUSIVE, "the failure lasted 20 s only"),
        (5.0, {}, Status.INCONCLUSIVE, "was firing before the fault already"),
        (13.0, {"looks": looks(13.0, None)}, Status.FAIL, "still fires 14.5 s after the recovery"),
        (13.0, {"looks": looks(13.0, None, 31.0)}, Status.INCONCLUSIVE, "whether it clears was not seen"),
        (13.0, {"looks": ()}, Status.INCONCLUSIVE, "nobody looked"),
    ],
)
def test_what_was_seen_of_an_alert(fires: float | None, changes: dict[str, object], status: Status, words: str) -> None:
    seen, reason = found(fires, **changes)  # type: ignore[arg-type]
    assert (seen, words in reason) == (status, True), reason


def test_a_failure_that_nobody_recovered_is_one_that_the_alert_must_tell() -> None:
    assert found(None, None)[0] is Status.FAIL
    assert found(13.0, None)[0] is Status.PASS


@given(st.floats(0.01, 60.0), st.floats(0.0, 30.0))
def test_it_is_late_only_when_it_was_late_at_the_look_before(fires: float, limit: float) -> None:
    sight = replace(SIGHT, for_seconds=limit, looks=looks(INJECTING + fires, None, 80.0))
    seen = judge_detection(sight, INJECTING, None)
    if fires <= sight.limit_seconds:
        assert seen.status is Status.PASS
    elif fires > sight.limit_seconds + 1.0:
        assert seen.status is Status.FAIL


def test_a_drill_without_a_documented_alert_judges_none() -> None:
    assert (judged().detection, judged().status) == (None, Status.PASS)


def test_an_alert_that_never_came_fails_the_drill_and_one_that_nobody_watched_makes_it_inconclusive() -> None:
    silent = tuple(AlertLook(n * 0.5, "inactive") for n in range(24))
    rule = AlertSight("ApplicationDown", evaluation_seconds=0.1, scrape_seconds=0.1, looks=silent)
    failed = judged(alert=rule)
    assert (failed.status, failed.reason.startswith("alert ApplicationDown did not fire")) == (Status.FAIL, True)
    unseen = judged(alert=AlertSight("ApplicationDown", problem="nothing answers"))
    assert (unseen.status, "could not be watched" in unseen.reason) == (Status.INCONCLUSIVE, True)


def test_durations_and_ranges_are_read_as_prometheus_writes_them() -> None:
    assert prom_seconds("1h30m") == 5400
    assert prom_seconds("500ms") == 0.5
    assert looks_back('rate(a{b="[9m]"}[5m]) / rate(c[30s]) > 1') == 300
    assert looks_back("max_over_time(rate(a[1m])[10m:30s])") == 600
    assert looks_back("up == 0") == 0
