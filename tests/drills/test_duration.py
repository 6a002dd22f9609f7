"""A drill has an end that is known before it begins: windows leave room for it, and at its time-out it is undone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from drillbook.drills import duration, plan
from drillbook.drills.plan import brief
from drillbook.model.verdict import Status
from drillbook.report.outcome import outcome
from tests.drills.conftest import Solar
from tests.drills.test_putting_back import routine

SLOW = "{type: exec, component: cache, command: [sleep, '40'], within: 10 min}"
LOOK = "{type: rollout_status, component: api}"


def test_windows_leave_room_for_all_that_a_drill_may_take(system: Solar) -> None:
    system.policy = routine(system, SLOW, LOOK)
    plain = brief(replace(system.order("pod-kill", recovery="self", alert=None), timeout_seconds=60))
    assert plain.intent.lasts_seconds == 60 + duration.BESIDE_SECONDS + duration.UNDO_SECONDS
    drilled = replace(
        system.order("pod-kill", recovery="procedure", procedure="routine", alert=None), timeout_seconds=60
    )
    # Ten minutes, and two where the runbook gives no time; each may take five seconds more to say why it failed.
    assert brief(drilled).intent.lasts_seconds == plain.intent.lasts_seconds + 600 + 120 + 2 * 5
    alerted = replace(drilled, plan=replace(drilled.plan, alert="Some"))
    assert brief(alerted).intent.lasts_seconds == brief(drilled).intent.lasts_seconds + 2 * duration.ALERT_SECONDS
    by_hand = replace(drilled, plan=replace(drilled.plan, recovery="manual"))
    assert brief(by_hand).intent.lasts_seconds == plain.intent.lasts_seconds
    assert brief(drilled).ends_seconds == brief(drilled).intent.lasts_seconds - duration.UNDO_SECONDS


def test_at_its_time_out_a_drill_is_aborted_and_undone(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    system.policy = routine(system, "{type: scale, component: worker, replicas: 0}", SLOW)
    order = system.order("pod-kill", recovery="procedure", procedure="routine", alert=None)
    monkeypatch.setattr(plan, "until_undo", lambda *_, **__: 18.0)
    begun = time.monotonic()
    found = system.drill(order)
    assert time.monotonic() - begun < 18 + 30
    assert found.reason.startswith("aborted: time-out: expected the drill to be over within 18 s")
    assert (found.status, found.aborted, found.undone) == (Status.INCONCLUSIVE, True, True)
    assert int(outcome((), (found,), None, ()).exit_code) == 4
    assert system.left_behind() == []
