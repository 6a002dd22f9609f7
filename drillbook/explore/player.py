"""Plays one sequence on a sandbox that is used all the while, undoes it, and says which promises it broke.

The promises: every acknowledged write is still there, once and unaltered; the objectives hold again; everything is put
back, and nothing else has changed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from drillbook.checking import asked_in, check_objectives
from drillbook.drills import ledger, recovery, residue, signals
from drillbook.drills.blast_radius import choose
from drillbook.drills.connections import Connections
from drillbook.drills.landing import wait_landed
from drillbook.drills.plan import SUSTAINED_SECONDS
from drillbook.drills.steps.ground import Ground
from drillbook.drills.watch import ANSWER_SECONDS, Watch
from drillbook.errors import DrillbookError, Refused
from drillbook.explore.moves import Break, Follow, Move, Press, TimeIsUp
from drillbook.explore.possible import aim_of
from drillbook.faults.fault import Fault, PutBack
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Policy
from drillbook.model.verdict import Status, Waiver

if TYPE_CHECKING:
    from drillbook.clients.http import HttpClient
    from drillbook.clients.kube import Kube

UNDO_SECONDS: Final = 60.0
LAND_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 30.0
RESIDUE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault that is not undone yet."""

    move: Break
    fault: Fault
    put_back: PutBack
    traces: Any


class Player:
    """One sequence on one sandbox. Use it as a context manager; ``finish`` judges."""

    def __init__(
        self,
        policy: Policy,
        environment: Environment,
        waivers: tuple[Waiver, ...],
        folder: Path,
        patience: float,
        until: float = math.inf,
    ) -> None:
        """``folder``: new, for the write ledger. ``patience``: seconds to wait for the recovery.

        At ``until`` (``time.monotonic``) whatever is going on ends with TimeIsUp, and nothing is undone: the sandbox is
        the explorer's own, and goes. Raises Refused for anything that is not a sandbox.
        """
        if environment.environment_class is not EnvironmentClass.SANDBOX:
            raise Refused(
                f"{environment.name} is of class {environment.environment_class}: only sandboxes are explored"
            )
        self.policy, self.environment, self.waivers, self.patience = policy, environment, waivers, patience
        self.connections = Connections(environment)
        self._file = folder / "writes.tsv"
        self._until = until
        self._broken: list[Broken] = []
        self._changes: list[Any] = []

    def __enter__(self) -> Self:
        """Look at everything as it is, and let users come. Raises Unreachable or ConfigError."""
        self.connections.__enter__()
        try:
            entrance, route, writes = signals.entrance(self.policy)
            self.http: HttpClient = self.connections.front_door(entrance, ANSWER_SECONDS)
            self.book = ledger.Ledger(self._file, f"x{time.time_ns()}:", writes)
            self.connections.enter(self.book.flushing())
            self.before = self.connections.on_kube(residue.take)
            self.ground = Ground(self.connections.kube, self.policy, self.environment, self.waivers)
            origin = time.monotonic()
            probes = (
                signals.read_signal(self.http, route),
                signals.write_signal(self.http, self.book, lambda: time.monotonic() - origin),
            )
            self.route, self.watch = route, Watch(probes, origin)
            self.connections.run(self.watch.start())
        except BaseException:
            self.connections.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if time.monotonic() < self._until:
                self._undo_all()
            self.connections.run(self.watch.stop())
        finally:
            self.connections.__exit__(None, None, None)

    def make(self, move: Move) -> str:
        """Make one move; what became of it, as a sentence. A move that isn't possible now is none."""
        try:
            match move:
                case Break():
                    return self._in_time(self._break(self.connections.kube, move))
                case Follow():
                    return self._in_time(self._follow(move))
                case Press():
                    return self._in_time(self._press(move))
        except DrillbookError as error:
            return f"{move}: {error}"

    def finish(self) -> tuple[str, ...]:
        """Undo everything, wait for the recovery, and look: a sentence for each promise that is broken."""
        found = self._undo_all()
        begun = self.watch.now()
        while (quiet := self.watch.quiet_seconds(begun)) < SUSTAINED_SECONDS and self._waits(begun):
            self._in_time(asyncio.sleep(POLL_SECONDS))
        if quiet < SUSTAINED_SECONDS:
            found.append(
                f"users were not served again for {SUSTAINED_SECONDS:g} s within {self.patience:g} s of the undo"
            )
        found += self._objectives(begun)
        self.connections.run(self.watch.stop())
        for look in (self._writes, self._changed):
            try:
                found += self._in_time(look())
            except DrillbookError as error:
                found.append(str(error))
        return tuple(found)

    def _in_time[T](self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives, on the background loop. Raises TimeIsUp when there is no time left for it."""

        async def bounded() -> T:
            left = None if math.isinf(self._until) else max(0.0, self._until - time.monotonic())
            async with asyncio.timeout(left):
                return await work

        try:
            return self.connections.run(bounded())
        except TimeoutError:
            if time.monotonic() >= self._until:
                raise TimeIsUp from None
            raise

    def _waits(self, begun: float) -> bool:
        return self.watch.now() - begun < self.patience

    async def _break(self, kube: Kube, move: Break) -> str:
        if any(one.move == move for one in self._broken):
            return f"{move}: it is broken in this way already"
        fault, aim, radius = aim_of(self.policy, move)
        choice = choose(await fault.candidates(kube, aim), aim, radius)
        put_back = await fault.put_back(kube, aim)
        self._broken.append(Broken(move, fault, put_back, fault.traces(aim, put_back)))
        targets = await fault.inject(kube, aim, choice.chosen)
        landing = await wait_landed(kube, fault, aim, targets, put_back, LAND_SECONDS)
        return f"{move}: {'landed' if landing.landed else 'not seen to land'}"

    async def _follow(self, move: Follow) -> str:
        procedure = self.policy.procedures[move.procedure]
        self._changes.append(recovery.expected_changes(self.policy, procedure))
        try:
            for step in procedure.steps:
                await recovery.run_step(self.ground, step)
        finally:
            await recovery.put_nodes_back(self.ground)
        return f"{move}: followed to its end"

    async def _press(self, move: Press) -> str:
        loop = asyncio.get_running_loop()
        begun, request = loop.time(), ledger.filled(self.route)
        sent = []
        for number in range(move.rate * move.seconds):
            await asyncio.sleep(max(0.0, begun + number / move.rate - loop.time()))
            sent.append(asyncio.create_task(self.http.send(request)))
        answers = await asyncio.gather(*sent)
        bad = sum(1 for answer in answers if answer.status is None or answer.status >= 400)
        return f"{move}: {bad} of {len(answers)} answers were bad"

    def _undo_all(self) -> list[str]:
        problems = []
        while self._broken:
            one = self._broken.pop()
            self._changes.append(one.traces)
            try:
                self._in_time(one.fault.undo(self.connections.kube, one.put_back, UNDO_SECONDS))
            except DrillbookError as error:
                problems.append(f"the undo of {one.move} is not finished: {error}")
        return problems

    def _objectives(self, begun: float) -> list[str]:
        asked = asked_in(self.policy, self.environment)
        while True:
            verdicts = check_objectives(self.policy, self.environment, self.waivers, asked)
            if time.monotonic() >= self._until:
                raise TimeIsUp
            bad = [v for v in verdicts if v.status not in {Status.PASS, Status.WAIVED}]
            if not bad:
                return []
            if self.watch.now() - begun > self.patience + SETTLE_SECONDS:
                return [f"{v.id} doesn't hold again: {v.status}, {v.reason}" for v in bad]

    async def _writes(self) -> list[str]:
        found = await ledger.read_tally(self.http, self.book, self.patience)
        counts = {"lost": found.lost, "there more than once": found.duplicated, "altered": found.altered}
        return [f"{n} of {found.acknowledged} acknowledged writes are {what}" for what, n in counts.items() if n]

    async def _changed(self) -> list[str]:
        expected, kube = residue.together(*self._changes), self.connections.kube
        return list(await residue.residue_within(kube, self.before, self.policy.namespaces, expected, RESIDUE_SECONDS))
