"""The leash: what ends a running drill at once, whatever it is waiting for.

An objective that the policy marks ``abort`` is breached, or nobody can tell whether it is; users have been without good
answers for longer than the environment lets a drill cost; the lock is lost, and with it the cluster. Whoever waits in a
drill asks the leash while it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from drillbook.errors import DrillAborted
from drillbook.judge.reading import TRAFFIC
from drillbook.model.timeline import Sample
from drillbook.model.verdict import Status, Verdict

LOOK_SECONDS: Final = 2.0
"""How long after one look at the objectives the next begins."""
DOUBT_SECONDS: Final = 10.0
"""For so long nobody may be able to tell whether an abort objective holds; then it counts as breached."""


async def watch_objectives(look: Callable[[], tuple[Verdict, ...]], pause: float = LOOK_SECONDS) -> None:
    """Look for ever, each time in a thread of its own. Raises DrillAborted for a breach, or a doubt that stays.

    ``look`` judges the objectives that are marked ``abort``, and takes as long as it takes.
    """
    loop = asyncio.get_running_loop()
    since: dict[str, float] = {}
    while True:
        begun = loop.time()
        for verdict in await asyncio.to_thread(look):
            if verdict.status is Status.FAIL:
                raise DrillAborted(f"aborted: {verdict.id} is breached, and it ends every drill: {verdict.reason}")
            if verdict.status is not Status.INCONCLUSIVE:
                since.pop(verdict.id, None)
            elif loop.time() - since.setdefault(verdict.id, begun) >= DOUBT_SECONDS:
                raise DrillAborted(
                    f"aborted: for {DOUBT_SECONDS:g} s nobody could tell whether {verdict.id} holds, which ends every "
                    f"drill: {verdict.reason}"
                )
        await asyncio.sleep(pause)


class Spent:
    """What a drill has cost its users so far. Each sample is counted once, however often somebody asks."""

    def __init__(self) -> None:
        self._counted = 0
        self._bad = dict.fromkeys(TRAFFIC, 0)

    def problem(self, samples: Sequence[Sample], intervals: Mapping[str, float], budget_seconds: float | None) -> str:
        """Why the error budget of a drill is spent; empty while it isn't, and where there is none.

        ``samples``: all so far, of which only those at the end are new. A bad answer costs one interval of its signal;
        of reading and writing, the one that was bad for longer counts.
        """
        if budget_seconds is None:
            return ""
        for sample in samples[self._counted :]:
            self._counted += 1
            if sample.signal in self._bad and not sample.good:
                self._bad[sample.signal] += 1
        spent = {name: count * intervals.get(name, 0.0) for name, count in self._bad.items()}
        worst = max(TRAFFIC, key=lambda name: spent[name])
        if spent[worst] <= budget_seconds:
            return ""
        return (
            f"aborted: the error budget is spent: {spent[worst]:.1f} s of bad {worst} answers, and the environment "
            f"lets a drill cost {budget_seconds:g} s"
        )
