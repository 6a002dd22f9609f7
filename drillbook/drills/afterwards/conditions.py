"""All post-conditions of one procedure, at the four moments of a drill at which they have something to do.

Each is on its own: what keeps one from being seen makes that one inconclusive, and no drill falls over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drillbook.drills.afterwards import AFTERWARDS_WAYS
from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.errors import DrillbookError
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.drill import PostCondition
from drillbook.model.policy import Policy, Procedure, Source
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

MOMENT_SECONDS: Final = 30.0
"""How long preparing and beginning may take."""
LOOK_SECONDS: Final = 120.0
"""How long one look may take: a dump is loaded in it."""


@dataclass
class _Condition:
    """One of them, and what it remembers."""

    entry: Entry
    way: AfterWay
    kept: Kept = field(default_factory=dict, repr=False)
    problem: str = ""
    """What kept it from being prepared."""


class Conditions:
    """The ``then`` of the procedure that the occasion is about; every method is called once, in this order."""

    def __init__(self, occasion: Occasion) -> None:
        self.occasion = occasion
        self._all = [_Condition(entry, AFTERWARDS_WAYS[entry.type]) for entry in occasion.procedure.then]

    async def prepare(self) -> None:
        """Before the fault."""
        await asyncio.gather(*(self._moment(one, one.way.prepare) for one in self._all))

    async def meet(self) -> None:
        """With the fault just injected."""
        await asyncio.gather(*(self._moment(one, one.way.meet) for one in self._all))

    async def begin(self) -> None:
        """With the fault there, before the first step."""
        await asyncio.gather(*(self._moment(one, one.way.begin) for one in self._all))

    async def look(self) -> tuple[PostCondition, ...]:
        """After the recovery, before the undo; all at the same time. Puts away whatever was put there for it."""
        outcomes = await asyncio.gather(*(self._look(one) for one in self._all))
        policy, procedure = self.occasion.ground.policy, self.occasion.procedure
        return tuple(
            PostCondition(one.entry.type, described(one.entry), outcome.status, outcome.sentence,
                          place_of(policy, procedure, one.entry))
            for one, outcome in zip(self._all, outcomes, strict=True)
        )  # fmt: skip

    async def _moment(self, one: _Condition, do: Callable[[Occasion, Entry, Kept], Awaitable[None]]) -> None:
        if one.problem:
            return
        try:
            async with asyncio.timeout(MOMENT_SECONDS):
                await do(self.occasion, one.entry, one.kept)
        except TimeoutError:
            one.problem = f"what it is compared with was not there within {MOMENT_SECONDS:g} s"
        except DrillbookError as error:
            one.problem = f"what it is compared with can't be seen: {error}"

    async def _look(self, one: _Condition) -> Outcome:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return unseen(one.problem) if one.problem else await one.way.look(self.occasion, one.entry, one.kept)
        except TimeoutError:
            return unseen(f"the look was not over within {LOOK_SECONDS:g} s")
        except DrillbookError as error:
            return unseen(f"it can't be seen: {error}")
        finally:
            one.problem = ""
            await self._moment(one, one.way.leave)


def permissions(policy: Policy, procedure: Procedure | None) -> tuple[Permission, ...]:
    """What seeing them needs."""
    then = procedure.then if procedure else ()
    return tuple(dict.fromkeys(need for one in then for need in AFTERWARDS_WAYS[one.type].needs(policy, one)))


def described(entry: Entry) -> str:
    """``replicas_restored api to 5``."""
    return " ".join(filter(None, (entry.type, entry.component, AFTERWARDS_WAYS[entry.type].more(entry))))


def place_of(policy: Policy, procedure: Procedure, entry: Entry) -> Source:
    """Where the runbook says so: the entry's own lines, else the procedure's."""
    if entry.lines is None:
        return procedure.source
    return Source(policy.document, procedure.source.section, entry.lines)
