"""One procedure in one drill, as its post-conditions see it; and what each type of post-condition says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.steps.ground import Ground
from drillbook.judge.outcome import Outcome
from drillbook.model.policy import Component, Policy, Procedure
from drillbook.model.procedures import Entry
from drillbook.model.timeline import Timeline
from drillbook.model.verdict import Verdict

if TYPE_CHECKING:
    from drillbook.clients.http import HttpClient
    from drillbook.clients.kube import Permission

SETTLE_SECONDS: Final = 20.0
"""How long what a procedure did may take to show: controllers and proxies need a moment."""
POLL_SECONDS: Final = 0.5


@dataclass
class Occasion:
    """What there is to look at. Times are seconds since the drill's start, NaN where nothing has happened yet."""

    ground: Ground
    procedure: Procedure
    prefix: str
    """What the keys of everything begin with that this drill stores."""
    breaks: bool
    """Whether the drill breaks something: a routine procedure is followed on a healthy system."""
    http: HttpClient
    """The system's front door."""
    now: Callable[[], float]
    timeline: Callable[[], Timeline]
    drift: Callable[[], Awaitable[tuple[str, ...]]]
    """What differs from before the fault, without what fault and procedure say, a sentence each."""
    still: Callable[[], Awaitable[bool]]
    """Whether the fault shows on what it hit, now; of one that kills, which shows for ever, nobody can tell."""
    by_hand: bool = False
    """People follow the procedure: what their commands print, and what exactly they do when, nobody sees."""
    begun: float = float("nan")
    """When the first step of the procedure began."""
    ended: float = float("nan")
    """When the watch over it ended."""
    objectives: tuple[Verdict, ...] = ()
    """All of them, after the recovery."""
    changed_tables: tuple[str, ...] | str = "nobody looked"
    """Tables that aren't what they were, a sentence each; or why that can't be told."""
    printed: Sequence[tuple[str, Sequence[str]]] = field(default=(), repr=False)
    """What each step printed, by its description: for comparing with what must not be in it, never for showing."""
    settle_seconds: float = SETTLE_SECONDS
    """How long to wait for what the procedure did to show."""
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever has a scratch database: what another one left behind is dropped before."""
    landed: bool = False
    """The fault was seen on what it hit."""

    def component(self, entry: Entry) -> Component:
        """What the entry is about. Raises ConfigError where it is about no component."""
        return self.ground.component(entry)


type Kept = dict[str, Any]
"""What one post-condition remembers from one moment to the next."""
type Moment = Callable[[Occasion, Entry, Kept], Awaitable[None]]


type Needs = Callable[[Policy, Entry], tuple[Permission, ...]]
"""What the credentials must allow for a post-condition to be seen."""


def no_rights(_policy: Policy, _entry: Entry) -> tuple[Permission, ...]:
    """It is read off what the drill has seen anyway."""
    return ()


async def _nothing(_occasion: Occasion, _entry: Entry, _kept: Kept) -> None:
    """There is nothing to do at that moment."""


def _no_more(_entry: Entry) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class AfterWay:
    """How a machine sees whether one type of post-condition is true. Everything raises DrillbookError."""

    look: Callable[[Occasion, Entry, Kept], Awaitable[Outcome]]
    """After the recovery, before the fault is undone."""
    prepare: Moment = _nothing
    """Before the fault: what it has to be compared with."""
    meet: Moment = _nothing
    """As soon as the fault is injected, and before anybody knows that it landed: it may heal by itself at once."""
    begin: Moment = _nothing
    """With the fault there, before the procedure's first step."""
    leave: Moment = _nothing
    """After the look, whatever came of it: put away what was put there."""
    more: Callable[[Entry], str] = _no_more
    """What its description says after type and component."""
    needs: Needs = no_rights
    """What the credentials must allow beside the procedure's own: asked before anything is touched."""


async def until_settled(look: Callable[[], Awaitable[Outcome]], seconds: float) -> Outcome:
    """Look until it holds, ``seconds`` at most; what was seen last."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = await look()
        if found.settled or loop.time() >= deadline:
            return found
        await asyncio.sleep(POLL_SECONDS)
