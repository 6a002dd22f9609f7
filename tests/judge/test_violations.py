"""What is wrong after a drill: each thing by its kind, all of them, and the worst first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drillbook.model.drill import Failing, PostCondition, WriteTally
from drillbook.model.timeline import Event, EventKind
from drillbook.model.verdict import Status
from tests.judge.test_drill import SOURCE, judged, timeline, verdict

BLOCKED: dict[str, Any] = {"timeline": timeline(bad=(3.1, 99)), "waited_seconds": 9.0, "limit_seconds": 5.0}
SINGLE = PostCondition("pods_replaced", "pods_replaced api", Status.FAIL, "found api-1 still there", SOURCE)
DATA: dict[str, Any] = {"changed_tables": ("table orders is gone",)}


def stepped(**details: Any) -> dict[str, Any]:
    found = timeline()
    return {"timeline": replace(found, events=(*found.events, Event(EventKind.STEP, 5.0, "wait_ready api", details)))}


@pytest.mark.parametrize(
    ("changes", "of"),
    [
        (BLOCKED, Failing.NOT_RECOVERED),
        ({"limit_seconds": 1.0}, Failing.NOT_RECOVERED),
        ({"objectives_after": (verdict(Status.FAIL),)}, Failing.OBJECTIVE),
        ({"then": (SINGLE,)}, Failing.POST_CONDITION),
        (DATA, Failing.DATA),
        ({"writes": WriteTally(240, 200, 3, 0, 0, 10, 0, 30, ("a",))}, Failing.WRITES),
        ({"writes": WriteTally(240, 200, 0, 2, 0, 10)}, Failing.WRITES),
        ({"identity_problems": ("the certificate was not renewed: its serial is 7f",)}, Failing.IDENTITY),
        ({"residue": ("ConfigMap shop/settings is new, inside the system's namespaces",)}, Failing.CHANGED),
        ({"undone": False}, Failing.UNDO),
        (stepped(documented_seconds=60.0, took_seconds=61.0), Failing.LATE_STEP),
        (stepped(problem="expected a ready pod, found none"), Failing.STEP),
    ],
)
def test_a_violation_says_what_kind_it_is_of_and_the_first_one_decides(changes: dict[str, Any], of: Failing) -> None:
    found = judged(**changes)
    assert (found.status, found.violations[0].of) == (Status.FAIL, of)
    assert found.reason == found.violations[0].reason


def test_all_that_is_wrong_is_kept_worst_first() -> None:
    found = judged(undone=False, then=(SINGLE,), **DATA)
    assert [one.of for one in found.violations] == [Failing.UNDO, Failing.DATA, Failing.POST_CONDITION]


@pytest.mark.parametrize("changes", [{}, {"writes": None}])
def test_what_is_good_or_was_not_seen_is_no_violation(changes: dict[str, Any]) -> None:
    assert judged(**changes).violations == ()
