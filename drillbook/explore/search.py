"""The search: Hypothesis draws sequences and shrinks one that breaks a promise, until it is the shortest or time is up.

What was played is remembered: a sequence is never played twice, so an answer that would differ can't confuse the
shrinking.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.explore.moves import Break, Sequence, TimeIsUp
from drillbook.explore.possible import Possible

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

LONGEST: Final = 4
"""Moves in one sequence: what takes more is rarer than what the time allows to find."""
MOST: Final = 10_000

type Play = Callable[[Sequence, float], tuple[str, ...]]
"""Plays a sequence; a sentence for each promise that it broke. Raises TimeIsUp where it isn't over at that moment."""


class _BrokenPromiseError(Exception):
    """What Hypothesis takes for a failure, and shrinks."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search comes to."""

    played: int
    shortest: Sequence = ()
    """The shortest sequence that broke a promise; empty where none did."""
    promises: tuple[str, ...] = ()


@dataclass
class Search:
    """One search, for ``budget_seconds``."""

    possible: Possible
    play: Play
    budget_seconds: float
    seed: int
    clock: Clock = SYSTEM_CLOCK
    known: dict[Sequence, tuple[str, ...]] = field(default_factory=dict)

    def run(self) -> Found:
        """Search until nothing is shorter, or the time is up."""
        from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

        until = self.clock.monotonic() + self.budget_seconds

        @seed(self.seed)
        @settings(
            max_examples=MOST,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
        )
        @given(sequences(self.possible))
        def keeps_its_promises(sequence: Sequence) -> None:
            if sequence not in self.known:
                if self.clock.monotonic() >= until:
                    raise TimeIsUp
                self.known[sequence] = self.play(sequence, until)
            if self.known.get(sequence):
                raise _BrokenPromiseError

        with suppress(_BrokenPromiseError, TimeIsUp):
            keeps_its_promises()
        broken = [sequence for sequence, promises in self.known.items() if promises]
        shortest = min(broken, key=len, default=())
        return Found(len(self.known), shortest, self.known.get(shortest, ()))


def sequences(possible: Possible) -> SearchStrategy[Sequence]:
    """Up to LONGEST moves of which at least one breaks something; shrinks towards few and simple ones."""
    from hypothesis import strategies as st

    breaks, others = st.sampled_from(possible.breaks), st.sampled_from(possible.others)
    moves = st.lists(st.one_of(breaks, others), min_size=1, max_size=LONGEST).map(tuple)
    return moves.filter(lambda sequence: any(isinstance(move, Break) for move in sequence))
