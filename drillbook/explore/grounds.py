"""Where sequences are played: a sandbox of the explorer's own, a new one after each sequence that broke a promise."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from drillbook.clients.kube import Kube
from drillbook.explore.moves import Sequence
from drillbook.explore.player import Player
from drillbook.explore.possible import Possible, possible
from drillbook.model.environment import Environment
from drillbook.model.policy import Policy
from drillbook.model.verdict import Waiver
from drillbook.report.recorder import undisturbed
from drillbook.sandbox import lifecycle


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one sequence."""

    moves: tuple[str, ...]
    """A sentence for each move."""
    broken: tuple[str, ...]
    """A sentence for each promise that was broken."""


class Grounds:
    """Use it as a context manager: the sandbox is there meanwhile, and gone afterwards whatever happens."""

    def __init__(
        self,
        policy: Policy,
        environment: Environment,
        waivers: tuple[Waiver, ...],
        folder: Path,
        most_seconds: float,
    ) -> None:
        """``environment`` names the sandbox, which must not run yet; ``most_seconds``: to wait for a recovery."""
        self.policy, self.environment, self.waivers = policy, environment, waivers
        self.folder, self.most_seconds = folder, most_seconds
        self._name = environment.sandbox or policy.system
        self._played = 0

    def __enter__(self) -> Self:
        self._up()
        return self

    def __exit__(self, *error: object) -> None:
        with undisturbed():
            lifecycle.down(self._name)

    def possible(self) -> Possible:
        """Every move that there is on this system."""

        async def ask() -> Possible:
            async with Kube.of(self.environment) as kube:
                return await possible(kube, self.policy)

        return asyncio.run(ask())

    def play(self, sequence: Sequence, until: float) -> Played:
        """Play it from beginning to end, users and all. Raises TimeIsUp at ``until`` (``time.monotonic``)."""
        self._played += 1
        folder = self.folder / f"{self._played:04d}"
        folder.mkdir()
        with Player(self.policy, self.environment, self.waivers, folder, self.most_seconds, until) as player:
            moves = tuple(player.make(move) for move in sequence)
            broken = player.finish()
        if broken:
            with undisturbed():
                lifecycle.down(self._name)
            self._up()
        return Played(moves, broken)

    def _up(self) -> None:
        lifecycle.up(self.policy.system, self._name, leash=os.getpid())
