"""Plays one sequence on a sandbox that is used all the while, undoes it, and says which promises it broke.

The promises: every acknowledged write is still there, once and unaltered; the objectives hold again in the documented
time; everything is put back, also what a procedure changed on purpose, and nothing else has changed. So the next
sequence begins where this one did.
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
from drillbook.drills import ledger, putting_back, recovery, residue, signals
from drillbook.drills.blast_radius import choose
from drillbook.drills.connections import Connections
from drillbook.drills.landing import wait_landed
from drillbook.drills.plan import SUSTAINED_SECONDS
from drillbook.drills.steps.ground import Ground
from drillbook.drills.watch import ANSWER_SECONDS, Watch
from drillbook.errors import DrillbookError, Refused
from drillbook.explore.moves import Break, Follow, Move, Press, TimeIsUp
from drillbook.explore.patience import Patience, patience, times_of
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


@dataclass(frozen=True, slots=True)
class Followed:
    """A procedure whose changes are not put back yet."""

    move: Follow
    kept: tuple[PutBack, ...]
    """What was there before its first step."""
    left: Any
    """The fields that differ when everything is put back."""


class Player:
    """One sequence on one sandbox. Use it as a context manager; ``finish`` judges."""

    def __init__(
        self,
        policy: Policy,
        environment: Environment,
        waivers: tuple[Waiver, ...],
        folder: Path,
        most_seconds: float,
        until: float = math.inf,
    ) -> None:
        """``folder``: new, for the write ledger. ``most_seconds``: to wait for the recovery, whatever is documented.

        At ``until`` (``time.monotonic``) whatever is going on ends with TimeIsUp, and nothing is undone: the sandbox is
        the explorer's own, and goes. Raises Refused for anything that is not a sandbox.
        """
        if environment.environment_class is not EnvironmentClass.SANDBOX:
            raise Refused(
                f"{environment.name} is of class {environment.environment_class}: only sandboxes are explored"
            )
        self.policy, self.environment, self.waivers, self.most_seconds = policy, environment, waivers, most_seconds
        self.connections = Connections(environment)
        self._file = folder / "writes.tsv"
        self._until = until
        self._standing: list[Broken | Followed] = []
        """What is to be put back, the newest last."""
        self._breaks: list[Break] = []
        """All that was broken, put back or not."""
        self._left: list[Any] = []
        """The fields that may differ in the end."""

    def __enter__(self) -> Self:
        """Look at everything as it is, and let users come. Raises Unreachable or ConfigError."""
        self.connections.__enter__()
        try:
            entrance, route, writes = signals.entrance(self.policy)
            self.http: HttpClient = self.connections.front_door(entrance, ANSWER_SECONDS)
            self.book = ledger.Ledger(self._file, f"x{time.time_ns()}:", writes)
            self.connections.enter(self.book.flushing())
            self.before = self.connections.on_kube(lambda kube: residue.take(kube, self.policy.namespaces))
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
        allowed = patience(self._breaks, times_of(self.policy, self.environment), self.most_seconds)
        begun = self.watch.now()
        # Who is served from the last moment on that is allowed is seen to be so a little later.
        until = begun + allowed.seconds + SUSTAINED_SECONDS
        while not (served := self._served(begun)) and self.watch.now() < until:
            self._in_time(asyncio.sleep(POLL_SECONDS))
        if not served:
            found.append(f"{SUSTAINED_SECONDS:g} s of good answers did not begin within {allowed} of the undo")
        found += self._objectives(begun, allowed)
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

    def _served(self, begun: float) -> bool:
        """Whether reads and writes were answered for long enough, and none was bad; nothing seen is not good."""
        quiet = self.watch.quiet_seconds(begun) >= SUSTAINED_SECONDS
        return quiet and not self.watch.silent(self.watch.now() - SUSTAINED_SECONDS)

    async def _break(self, kube: Kube, move: Break) -> str:
        if any(one.move == move for one in self._standing):
            return f"{move}: it is broken in this way already"
        fault, aim, radius = aim_of(self.policy, move)
        choice = choose(await fault.candidates(kube, aim), aim, radius)
        put_back = await fault.put_back(kube, aim)
        self._standing.append(Broken(move, fault, put_back, fault.traces(aim, put_back)))
        self._breaks.append(move)
        targets = await fault.inject(kube, aim, choice.chosen)
        landing = await wait_landed(kube, fault, aim, targets, put_back, LAND_SECONDS)
        return f"{move}: {'landed' if landing.landed else 'not seen to land'}"

    async def _follow(self, move: Follow) -> str:
        procedure, kube = self.policy.procedures[move.procedure], self.connections.kube
        changes = recovery.expected_changes(self.policy, procedure)
        kept = await putting_back.keep(kube, changes)
        self._standing.append(Followed(move, kept, putting_back.left(changes)))
        await putting_back.seal(kube, kept)
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
        """Put everything back, the newest change first, and see that it is; a sentence for each that isn't."""
        problems: list[str] = []
        waited_for: list[PutBack] = []
        while self._standing:
            one = self._standing.pop()
            match one:
                case Broken():
                    self._left.append(one.traces)
                    work = one.fault.undo(self.connections.kube, one.put_back, UNDO_SECONDS)
                    problems += self._tried(f"the undo of {one.move} is not finished", work)
                case Followed():
                    self._left.append(one.left)
                    # Nothing is waited for yet: its pods may not become ready while something older is broken.
                    for kept in reversed(one.kept):
                        work = putting_back.put(self.connections.kube, kept)
                        problems += self._tried(f"what {one.move} changed is not put back", work)
                    waited_for += one.kept
        for kept in waited_for:
            seen = putting_back.see_back(self.connections.kube, kept, UNDO_SECONDS)
            problems += self._tried("what a procedure changed is not back", seen)
        return problems

    def _tried(self, what: str, work: Coroutine[Any, Any, Any]) -> list[str]:
        try:
            self._in_time(work)
        except DrillbookError as error:
            return [f"{what}: {error}"]
        return []

    def _objectives(self, begun: float, allowed: Patience) -> list[str]:
        asked = asked_in(self.policy, self.environment)
        while True:
            verdicts = check_objectives(self.policy, self.environment, self.waivers, asked)
            if time.monotonic() >= self._until:
                raise TimeIsUp
            bad = [v for v in verdicts if v.status not in {Status.PASS, Status.WAIVED}]
            if not bad:
                return []
            if self.watch.now() - begun > allowed.seconds + SETTLE_SECONDS:
                when = f"within {allowed} of the undo, nor {SETTLE_SECONDS:g} s later"
                return [f"{v.id} doesn't hold again {when}: {v.status}, {v.reason}" for v in bad]

    async def _writes(self) -> list[str]:
        found = await ledger.read_tally(self.http, self.book, self.most_seconds)
        counts = {"lost": found.lost, "there more than once": found.duplicated, "altered": found.altered}
        return [f"{n} of {found.acknowledged} acknowledged writes are {what}" for what, n in counts.items() if n]

    async def _changed(self) -> list[str]:
        expected, kube = residue.together(*self._left), self.connections.kube
        return list(await residue.residue_within(kube, self.before, self.policy.namespaces, expected, RESIDUE_SECONDS))
