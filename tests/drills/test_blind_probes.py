"""A probe that breaks sees nothing, and nothing seen is neither a baseline nor a steady state."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills import before
from drillbook.drills.background import Background
from drillbook.drills.watch import Look, Signal, Watch
from drillbook.errors import Refused
from drillbook.probes.catalogue import PROBES
from tests.drills.conftest import FEW, Solar


async def good() -> Look:
    return Look(True)


async def broken() -> Look:
    raise ZeroDivisionError("a defect of the probe")


def after(count: int) -> Callable[[], Awaitable[Look]]:
    """A probe that is good so many times and breaks then."""
    left = [count]

    async def ask() -> Look:
        left[0] -= 1
        return await good() if left[0] >= 0 else await broken()

    return ask


def baseline(monkeypatch: pytest.MonkeyPatch, write: Callable[[], Awaitable[Look]]) -> None:
    """The baseline of a drill whose reads are good, on a loop of its own."""
    origin = SYSTEM_CLOCK.monotonic()
    watch = Watch((Signal("read", 0.05, good), Signal("write", 0.05, write)), origin)
    monkeypatch.setattr(before, "begin_to_watch", lambda work: watch)
    monkeypatch.setattr(before, "SUSTAINED_SECONDS", 0.3)
    monkeypatch.setattr(before, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(before, "BASELINE_SECONDS", 1.0)
    work: Any = SimpleNamespace(now=watch.now, say=lambda text: None)
    with Background() as background:
        background.run(watch.start())
        try:
            before.see_the_baseline(work)
        finally:
            background.run(watch.stop())


def test_a_baseline_needs_every_probe_to_see_something(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.monotonic()
    baseline(monkeypatch, good)
    assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize("ask", [broken, after(1)], ids=["from the beginning", "after a while"])
def test_a_baseline_probe_that_raises_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Awaitable[Look]]
) -> None:
    words = "nothing was seen of write: the write probe itself failed: a defect of the probe"
    with pytest.raises(Refused, match=f"^not injecting: the baseline did not hold for 0.3 s within 1 s; {words}$"):
        baseline(monkeypatch, ask)


def test_a_steady_state_probe_that_raises_is_a_refusal_and_nothing_is_broken(
    system: Solar, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = next(o for o in system.policy.objectives if o.id == FEW[0])

    async def crash(*_: Any) -> Any:
        raise ZeroDivisionError("a defect of the probe")

    for key in [key for key in PROBES if key == objective.indicator or objective.indicator in str(key)]:
        monkeypatch.setitem(PROBES, key, crash)
    words = (
        f"nobody can tell whether solar/{objective.id} holds: .*the probe failed with an unexpected ZeroDivisionError"
    )
    with pytest.raises(Refused, match=f"^not injecting: {words}"):
        system.drill(system.order("pod-kill"))
    assert not [text for text in system.said if text.startswith("injecting")]
    assert system.left_behind() == []
