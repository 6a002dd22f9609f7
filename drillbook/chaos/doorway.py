"""What actions and probes share: which system an experiment means, and what this process has broken so far.

Under ``drillbook drill`` the guard has passed, the lock is held and the undo is written down already; the engine's side
of the desk is all that is needed. Under plain ``chaos run`` there is nobody else, so all of that is done here.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drillbook import places
from drillbook.checking import asked_in, check_objectives, load_system
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.connections import Connections
from drillbook.drills.desk import Desk
from drillbook.drills.journal import Entry, Journal
from drillbook.drills.lock import Both, Lock
from drillbook.drills.unfinished import PLAIN
from drillbook.errors import ConfigError, DrillbookError
from drillbook.model.environment import Environment
from drillbook.model.policy import Component, Policy
from drillbook.model.verdict import Verdict, Waiver

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

UNWATCHED_SECONDS: Final = 600.0
"""How long a plain ``chaos run`` may leave something broken: windows leave room for it, its lock is held so long."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an experiment happens."""

    policy: Policy
    environment: Environment
    waivers: tuple[Waiver, ...]
    component: Component

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Place:
        """From the experiment's configuration: system, environment, sandbox, component. Raises ConfigError."""
        missing = [key for key in ("system", "environment", "component") if not configuration.get(key)]
        if missing:
            raise ConfigError(f"the experiment's configuration must say {', '.join(missing)}")
        policy, environment, waivers = load_system(
            str(configuration["system"]), str(configuration["environment"]), configuration.get("sandbox") or None
        )
        name = str(configuration["component"])
        if name not in policy.components:
            raise ConfigError(f"{policy.path}: no component {name!r}; there are {', '.join(policy.components)}")
        return cls(policy, environment, waivers, policy.components[name])

    def with_kube[T](self, work: Callable[[Kube], Coroutine[Any, Any, T]]) -> T:
        """Do ``work`` with a client of this place's cluster, in an event loop of its own."""
        from drillbook.clients.kube import Kube

        async def connected() -> T:
            async with Kube.of(self.environment) as kube:
                return await work(kube)

        return asyncio.run(connected())

    def objectives(self) -> tuple[Verdict, ...]:
        """All objectives of the policy, judged now."""
        return check_objectives(self.policy, self.environment, self.waivers, asked_in(self.policy, self.environment))


@dataclass(slots=True)
class Unwatched:
    """What a plain ``chaos run`` has done in this process: what its undo needs."""

    place: Place
    lock: Lock | Both
    journal: Journal
    entry: Entry
    holding: ExitStack = field(default_factory=ExitStack)
    """Closed, the lock is renewed no longer."""

    def hold_the_lock(self) -> None:
        """Renew it from now on, in the background: when this process is killed it expires soon. Raises Unreachable."""
        connections = self.holding.enter_context(Connections(self.place.environment))

        async def renew() -> None:
            # After that it expires too, and whoever recovers puts back what this run has broken.
            async with asyncio.timeout(UNWATCHED_SECONDS):
                await self.lock.renew_for_ever(connections.kube)

        connections.start(renew())


BROKEN: Final[list[Unwatched]] = []
"""Not undone yet, the newest last; Chaos Toolkit passes nothing from an action to its rollback."""


DRY: Final[list[str]] = []
"""What Chaos Toolkit was told to leave out of this run; empty where the run is meant."""


def watched() -> Desk | None:
    """The desk of the drill that started this process, or None under plain ``chaos run``."""
    return Desk.given()


def new_unwatched_id(system: str) -> str:
    """``20261121T094500Z-chaos-solar-ab12``."""
    return f"{SYSTEM_CLOCK.now():%Y%m%dT%H%M%SZ}-chaos-{system}-{secrets.token_hex(2)}"


def unwatched_journal(id_: str) -> Journal:
    """Where the undo journal of a plain ``chaos run`` is: with the state of sandboxes, not among the reports."""
    folder: Path = places.state_root() / PLAIN
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Journal(folder / f"{re.sub(r'[^A-Za-z0-9-]+', '-', id_)}.jsonl")


def interrupting[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Let an error of ours interrupt the whole run: Chaos Toolkit goes on after a failed activity and exits with 0.

    ActivityFailed is no error but an answer: the system deviates, and Chaos Toolkit is to say so.
    """

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        from chaoslib.exceptions import ActivityFailed, InterruptExecution

        try:
            return function(*args, **kwargs)
        except ActivityFailed:
            raise
        except DrillbookError as error:
            raise InterruptExecution(str(error)) from error
        except Exception as error:
            raise InterruptExecution(f"a defect of Drillbook's own: {type(error).__name__}: {error}") from error

    return wrapped
