"""The judge of drills: a pass needs everything to have been seen, a violation decides, a gap is inconclusive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge.drill import judge_drill
from drillbook.judge.reading import Evidence
from drillbook.judge.recovery import recovery_time, too_fine
from drillbook.model.drill import DrillResult, FaultReport, WriteTally
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import DrillPlan, Objective, Severity, Source
from drillbook.model.quantity import Dimension
from drillbook.model.timeline import Event, EventKind, Sample, Timeline
from drillbook.model.verdict import Status, Verdict

SOURCE = Source("runbook.txt", "Levels", (73, 73))
PLAN = DrillPlan("database-kill", "database-kill", "database", "P0", "self", None, SOURCE)
INTERVALS = {"read": 0.05, "write": 0.05, "ready": 0.1}
INJECTING = 3.0


def verdict(status: Status = Status.PASS, name: str = "health") -> Verdict:
    limit = Limit.parse("== 200", Dimension.COUNT)
    objective = Objective(name, "http.health", "api", {}, limit, Severity.HIGH, SOURCE, 1)
    seen = Observation(Dimension.COUNT, "GET /health", datetime.now(UTC), value=Decimal(200))
    return Verdict(f"solar/{name}", status, "said 503", objective, seen)


def samples(signal: str, bad: tuple[float, float] | None, until: float = 12.0, took: float = 0.01) -> list[Sample]:
    every = INTERVALS[signal]
    dues = [round(n * every, 6) for n in range(int(until / every))]
    return [Sample(signal, due, took, bad is None or not bad[0] <= due < bad[1], "refused") for due in dues]


def timeline(
    bad: tuple[float, float] | None = (3.1, 5.1), until: float = 12.0, injecting: float | None = INJECTING
) -> Timeline:
    events = [] if injecting is None else [
        Event(EventKind.INJECTING, injecting),
        Event(EventKind.INJECTED, injecting + 0.02),
        Event(EventKind.LANDED, injecting + 0.05),
    ]  # fmt: skip
    found = [s for signal in INTERVALS for s in samples(signal, bad, until)]
    return Timeline(tuple(events), tuple(found), INTERVALS)


GOOD = Evidence(
    id="solar/database-kill",
    plan=PLAN,
    fault=FaultReport("pod-kill", True, ("pod/postgres-1",), {"pods": "gone"}),
    timeline=timeline(),
    writes=WriteTally(240, 200, 0, 0, 0, 10, 0, 30),
    objectives_before=(verdict(),),
    objectives_after=(verdict(),),
    residue=(),
    undone=True,
    limit_seconds=3600,
    waited_seconds=9.0,
)


def judged(**changes: object) -> DrillResult:
    return judge_drill(replace(GOOD, **changes))  # type: ignore[arg-type]


def test_everything_seen_and_nothing_wrong_is_a_pass() -> None:
    found = judged()
    assert (found.status, found.baseline_held, found.load_flowed, found.aborted) == (Status.PASS, True, True, False)
    assert found.reason.startswith("recovered in 2")


def test_times_are_counted_from_when_the_fault_took_effect() -> None:
    found = judged()
    assert found.recovery is not None
    # The last bad sample was due at 5.05 and the fault was seen at 3.05; the first good one was answered at 5.11.
    assert found.recovery.lower == pytest.approx(5.05 - 3.05)
    assert found.recovery.upper == pytest.approx(5.11 - 3.0)
    assert found.outage_seconds == pytest.approx(5.11 - 3.1)
    assert found.detected_seconds == pytest.approx(0.11)


def test_detection_and_recovery_are_marked_on_the_timeline() -> None:
    line = judged().timeline
    detected, recovered = line.first(EventKind.DETECTED), line.first(EventKind.RECOVERED)
    assert detected is not None
    assert recovered is not None
    assert INJECTING < detected.at < recovered.at
    assert [e.at for e in line.events] == sorted(e.at for e in line.events)


def test_a_fault_that_nobody_noticed_is_a_pass_without_detection() -> None:
    found = judged(timeline=timeline(bad=None))
    assert (found.status, found.detected_seconds, found.outage_seconds) == (Status.PASS, None, 0.0)
    assert found.recovery is not None
    assert found.recovery.lower == 0.0
    assert found.recovery.upper <= 0.2


@pytest.mark.parametrize(
    ("writes", "words"),
    [
        (WriteTally(240, 200, 1, 0, 0, 0, lost_keys=("k-7",)), "1 of 200 acknowledged writes are lost: k-7"),
        (WriteTally(240, 200, 0, 2, 0, 0), "2 writes are stored more than once"),
        (WriteTally(240, 200, 0, 0, 3, 0), "3 writes are stored with another body"),
        (WriteTally(240, 200, 0, 0, 0, 0, phantom=4), "4 writes are stored that were never sent"),
    ],
)
def test_one_wrong_write_is_a_failure(writes: WriteTally, words: str) -> None:
    found = judged(writes=writes)
    assert found.status is Status.FAIL
    assert found.reason.startswith(words)


def test_a_recovery_longer_than_documented_is_a_failure() -> None:
    found = judged(limit_seconds=1.5)
    assert found.status is Status.FAIL
    assert "documented are 1.5 s" in found.reason


def test_a_limit_inside_the_measured_interval_is_inconclusive() -> None:
    found = judged(limit_seconds=2.05)
    assert found.status is Status.INCONCLUSIVE
    assert "raise the probe rate" in found.reason


def test_no_recovery_is_a_failure_once_the_documented_time_is_over() -> None:
    found = judged(timeline=timeline(bad=(3.1, 99.0)), limit_seconds=5, waited_seconds=9.0)
    assert (found.status, found.recovery) == (Status.FAIL, None)
    assert found.reason.startswith("not recovered: read and ready and write still bad after 9 s")


def test_no_recovery_before_the_documented_time_is_over_is_inconclusive() -> None:
    found = judged(timeline=timeline(bad=(3.1, 99.0)))
    assert (found.status, found.recovery) == (Status.INCONCLUSIVE, None)
    assert "recovery was not seen within the 9 s that were waited" in found.reason


def test_good_answers_that_were_not_sustained_are_no_recovery() -> None:
    assert judged(timeline=timeline(bad=(3.1, 11.0))).recovery is None


def test_objectives_that_fail_afterwards_are_a_failure() -> None:
    found = judged(objectives_after=(verdict(), verdict(Status.FAIL, "latency")))
    assert (found.status, found.reason) == (Status.FAIL, "after the recovery solar/latency fails: said 503")


def test_a_waived_objective_afterwards_does_not_fail_a_drill() -> None:
    assert judged(objectives_after=(verdict(Status.WAIVED),)).status is Status.PASS


def test_residue_is_a_failure() -> None:
    found = judged(residue=("ConfigMap other/settings is changed", "Node n1 is changed"))
    assert found.status is Status.FAIL
    assert found.reason == "something else is changed: ConfigMap other/settings is changed (and 1 more)"


def test_an_undo_that_is_not_finished_is_a_failure_that_a_person_must_look_at() -> None:
    found = judged(undone=False)
    assert (found.status, found.aborted) == (Status.FAIL, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fault": FaultReport("noop", False, ())}, "the fault noop was not seen to land"),
        ({"writes": None}, "load did not flow: no write was acknowledged"),
        ({"writes": WriteTally(0, 0, 0, 0, 0, 0)}, "load did not flow: no write was acknowledged"),
        ({"objectives_before": ()}, "the baseline did not hold: no objective was checked"),
        ({"objectives_before": (verdict(Status.FAIL),)}, "the baseline did not hold: before the fault solar/health"),
        ({"objectives_after": ()}, "no objective was checked after the recovery"),
        ({"objectives_after": (verdict(Status.INCONCLUSIVE),)}, "after the recovery solar/health is inconclusive"),
        ({"residue": None}, "the cluster's objects were not compared"),
        ({"limit_seconds": None}, "nobody says in what time it must recover"),
        ({"problems": ("the engine left no journal",)}, "the engine left no journal"),
        ({"timeline": timeline(injecting=None)}, "the baseline did not hold: the fault was never injected"),
        ({"timeline": timeline(bad=(2.0, 2.1))}, "the baseline did not hold"),
        ({"timeline": Timeline(timeline().events, (), {})}, "load did not flow: no read load flowed"),
    ],
)
def test_whatever_was_not_seen_makes_it_inconclusive(changes: dict[str, object], words: str) -> None:
    found = judged(**changes)
    assert found.status is Status.INCONCLUSIVE
    assert found.reason.startswith(words)


def test_a_watch_that_missed_its_beats_has_not_watched() -> None:
    line = timeline()
    thin = tuple(s for n, s in enumerate(line.samples) if s.signal != "read" or n % 2)
    found = judged(timeline=replace(line, samples=thin))
    assert (found.status, found.load_flowed) == (Status.INCONCLUSIVE, False)
    assert "too busy to watch" in found.reason


def test_load_must_have_flowed_after_the_recovery_too() -> None:
    line = timeline()
    silent = tuple(s for s in line.samples if s.signal != "write" or s.due < 5.2)
    assert not judged(timeline=replace(line, samples=silent)).load_flowed


def test_a_violation_is_told_before_a_gap() -> None:
    found = judged(residue=None, writes=WriteTally(240, 200, 5, 0, 0, 0, lost_keys=("a", "b", "c", "d", "e")))
    assert found.status is Status.FAIL
    assert found.reason == "5 of 200 acknowledged writes are lost: a, b, c ..."


def test_a_limit_finer_than_the_probes_cannot_be_judged() -> None:
    assert "every 100 ms" in (too_fine(0.05, 0.1) or "")
    assert too_fine(0.1, 0.1) is None
    assert too_fine(None, 0.1) is None


BAD = st.tuples(st.floats(2.9, 9.0), st.floats(0.0, 8.0)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(BAD, st.floats(0.001, 0.9))
def test_the_bounds_of_the_recovery_time_are_in_order_and_enclose_the_truth(
    bad: tuple[float, float], took: float
) -> None:
    begin, end = max(bad[0], INJECTING), bad[1]
    found = [s for signal in INTERVALS for s in samples(signal, (begin, end), 15.0, took)]
    line = Timeline(timeline().events, tuple(found), INTERVALS)
    time = recovery_time(line, 2.0)
    if time is not None:
        assert 0 <= time.lower <= time.upper
        if any(not sample.good for sample in found):
            # The truth: good again at ``end``, counted from the injection.
            assert time.upper >= end - INJECTING - max(INTERVALS.values())
            # No wider than the cadence, the answer, and the moment until the fault was seen.
            assert time.upper - time.lower <= 2 * max(INTERVALS.values()) + took + 0.05 + 1e-9


@given(st.lists(st.booleans(), min_size=40, max_size=120))
def test_a_drill_of_any_shape_is_judged_without_falling_over(marks: list[bool]) -> None:
    found = [Sample("read", n * 0.05, 0.01, good) for n, good in enumerate(marks)]
    result = judged(timeline=Timeline(timeline(injecting=1.0).events, tuple(found), {"read": 0.05}))
    assert result.status is not Status.PASS
    assert result.outage_seconds >= 0
