"""A drill in progress: what was ordered, what is open, and what has been seen so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from drillbook.checking import asked_in, check_objectives
from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.drills.connections import Connections
from drillbook.drills.findings import Findings
from drillbook.drills.journal import Entry, Journal
from drillbook.drills.leash import Spent
from drillbook.drills.ledger import Ledger
from drillbook.drills.lock import drill_lock
from drillbook.drills.plan import SUSTAINED_SECONDS, Briefing, Order, brief
from drillbook.drills.recovery import describe, expected_changes, place
from drillbook.drills.steps.ground import WAIT_SECONDS, Changes, Ground
from drillbook.drills.watch import ANSWER_SECONDS, Watch
from drillbook.errors import DrillAborted
from drillbook.faults.fault import Traces
from drillbook.judge.death import kind_of_death
from drillbook.judge.drill import judge_drill
from drillbook.judge.reading import Evidence
from drillbook.model.drill import DrillResult, FaultReport, RecoveryPoint
from drillbook.model.policy import Component
from drillbook.model.procedures import Entry as Step
from drillbook.model.procedures import changes_data
from drillbook.model.timeline import Event, EventKind, Timeline
from drillbook.model.verdict import Verdict

if TYPE_CHECKING:
    from drillbook.clients.http import HttpClient
    from drillbook.drills.afterwards.conditions import Conditions
    from drillbook.drills.background import Errand
    from drillbook.drills.desk import Desk
    from drillbook.drills.engine import Engine
    from drillbook.drills.manual import Person
    from drillbook.drills.manual_tasks import Task

POLL_SECONDS: Final = 0.02

type Narrate = Callable[[str], None]
"""Tells a person what is being done."""


class Work:
    """One drill in progress."""

    def __init__(
        self, order: Order, narrate: Narrate, clock: Clock = SYSTEM_CLOCK, person: Person | None = None
    ) -> None:
        """Raises ConfigError when the order can't be run as it is written."""
        self.order, self.clock, self.person = order, clock, person
        self.briefing: Briefing = brief(order)
        self._narrate = narrate
        self.found = Findings()
        self.origin = clock.monotonic()
        self.connections = Connections(order.environment)
        self.journal = Journal(order.folder / f"undo-{order.plan.id}.jsonl")
        self.lock = drill_lock(self.namespace, self.briefing.intent.home, order.id, clock)
        self.renewal: Errand[None] | None = None
        self.leash: Errand[None] | None = None
        self.entry: Entry | None = None
        self.http: HttpClient | None = None
        self.book: Ledger | None = None
        self.watch: Watch | None = None
        self.spent = Spent()
        self.desk: Desk | None = None
        self.engine: Engine | None = None
        self.conditions: Conditions | None = None
        self.alert_watch: Errand[None] | None = None
        self.tasks: tuple[Task, ...] = ()
        """What people are told to do, where they recover the system by hand."""

    def say(self, text: str) -> None:
        """Tell a person; a terminal that was closed, or a pipe that nobody reads, must not end what is being done."""
        with suppress(OSError):
            self._narrate(text)

    @property
    def namespace(self) -> str:
        """Where the broken component lives."""
        return self.briefing.aim.component.namespace

    @property
    def is_postgres(self) -> bool:
        """Whether the broken component is a database server that can be asked when it was started."""
        return self.briefing.aim.component.engine == "postgres"

    @property
    def routine(self) -> bool:
        """Whether nothing is broken, and a documented procedure is followed all the same: a deployment, a backup."""
        return not self.briefing.fault.breaks and self.briefing.procedure is not None

    @property
    def prefix(self) -> str:
        """What the keys of the ledger's writes begin with."""
        # With a character that no id has: the writes of drill "kill" must not look like those of "kill-all".
        return f"{self.order.run_id}:{self.order.plan.id}:"

    @property
    def compared(self) -> Component | None:
        """The database whose tables are compared: its data is damaged, or the procedure promises what it restores."""
        if self.is_postgres and self.briefing.fault.damages:
            return self.briefing.aim.component
        then = self.briefing.procedure.then if self.briefing.procedure else ()
        names = [one.component for one in then if one.type == "restore_fidelity" and one.component]
        return self.order.policy.components[names[0]] if names else None

    def new_ground(self) -> Ground:
        """Where a procedure is followed, or looked at."""
        order, kube = self.order, self.connections.kube

        async def correct() -> str:
            if self.entry is None:
                raise DrillAborted("nothing was broken yet that a person could correct")
            return await self.briefing.fault.undo(kube, self.entry.put_back, WAIT_SECONDS)

        return Ground(kube, order.policy, order.environment, order.waivers, self.clock, correct)

    @property
    def kept_changes(self) -> Changes:
        """The fields that the procedure changes and that are put back after it."""
        return {key: fields for key, fields in self._changes.items() if not self._goes(key)}

    @property
    def lost_changes(self) -> Changes:
        """Those in a namespace that the fault takes away, whose undo makes all of it again as other objects."""
        return {key: fields for key, fields in self._changes.items() if self._goes(key)}

    @property
    def _changes(self) -> Changes:
        return expected_changes(self.order.policy, self.briefing.procedure)

    def _goes(self, key: tuple[str, str, str]) -> bool:
        return self.briefing.fault.takes_namespace and key[1] == self.namespace

    def traces(self) -> Traces:
        """What differs by the fault itself although everything is put back."""
        return self.briefing.fault.traces(self.briefing.aim, self.entry.put_back if self.entry else {})

    @property
    def longest(self) -> float:
        """How long to wait for the recovery: a little longer than documented, so that a miss is seen as one."""
        limit = self.briefing.limit_seconds
        beyond = SUSTAINED_SECONDS + 2 * ANSWER_SECONDS
        return self.order.timeout_seconds if limit is None else min(self.order.timeout_seconds, limit + beyond)

    def now(self) -> float:
        """Seconds since the drill's start."""
        return self.clock.monotonic() - self.origin

    def write_down(self, step: Step) -> None:
        """That a step is about to begin which changes data, and so can't be undone. Raises DrillbookError."""
        entry = self.entry
        if entry is not None and changes_data(step):
            named = f"{describe(step)} ({place(self.order.policy, step)})"
            self.connections.on_kube(lambda kube: self.journal.begin(kube, entry, named))

    def event(
        self, kind: EventKind, text: str = "", *, at: float | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        """Note a moment; now, unless ``at`` says another."""
        self.found.events.append(Event(kind, self.now() if at is None else at, text, dict(details or {})))

    def objectives(self) -> tuple[Verdict, ...]:
        """All objectives of the policy, judged now."""
        order = self.order
        asked = asked_in(order.policy, order.environment)
        return check_objectives(order.policy, order.environment, order.waivers, asked)

    def abort_objectives(self) -> tuple[Verdict, ...]:
        """The objectives that end a drill when they are breached, judged now; none where the policy marks none."""
        order = self.order
        marked = [o for o in asked_in(order.policy, order.environment) if o.abort]
        return check_objectives(order.policy, order.environment, order.waivers, marked) if marked else ()

    def keep_on(self) -> None:
        """Raises what ends the drill now: its time, a lost lock, a breached abort objective, a spent error budget."""
        if self.now() > self.briefing.ends_seconds:
            raise DrillAborted(
                f"aborted: time-out: expected the drill to be over within {self.briefing.ends_seconds:.0f} s (what is "
                "waited for the recovery and for alerts, the times of its steps, and 300 s beside them), and it isn't; "
                "give more time to the step that takes it, or wait longer with --timeout"
            )
        for errand in (self.renewal, self.leash):
            if errand is not None and errand.done():
                errand.result()
        budget = self.order.environment.outage_budget
        if self.watch is not None and budget is not None:
            problem = self.spent.problem(self.watch.samples, self.watch.intervals, budget.total_seconds())
            if problem:
                raise DrillAborted(problem)

    def wait_for[T](self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives, on the background loop; it is cancelled when the drill has to end."""
        errand = self.connections.start(work)
        try:
            while not errand.done():
                self.keep_on()
                time.sleep(POLL_SECONDS)
        except BaseException:
            errand.cancel()
            raise
        return errand.result()

    def recovery_point(self) -> RecoveryPoint | None:
        """To which moment the data was brought back; None where no backup was restored."""
        restored, documented = self.found.restored, self.order.plan.recovery_point
        if restored is None:
            return None
        limit = documented.total_seconds() if documented else None
        return RecoveryPoint(restored.file, restored.at - restored.written, limit)

    def timeline(self) -> Timeline:
        """All events and samples so far."""
        watch = self.watch
        events = [*self.found.events, *(watch.stalls if watch else ())]
        return Timeline(
            tuple(sorted(events, key=lambda e: e.at)),
            tuple(sorted(watch.samples, key=lambda s: s.due)) if watch else (),
            watch.intervals if watch else {},
        )

    def judged(self) -> DrillResult:
        """What all of it comes to."""
        found, plan = self.found, self.order.plan
        grace = self.briefing.aim.grace_seconds
        death = kind_of_death(found.landing.evidence, grace) if self.briefing.fault.kills else ""
        fault = FaultReport(
            kind=self.briefing.fault.name,
            landed=found.landing.landed,
            targets=tuple(map(str, found.targets)),
            evidence={"grace_seconds": grace, **({"death": death} if death else {}), **found.landing.evidence},
            routine=self.routine,
        )
        return judge_drill(
            Evidence(
                id=f"{self.order.policy.system}/{plan.id}",
                plan=plan,
                fault=fault,
                timeline=self.timeline(),
                writes=found.writes,
                objectives_before=found.before,
                objectives_after=found.after,
                residue=found.residue,
                undone=found.undone,
                limit_seconds=self.briefing.limit_seconds,
                limit_from=limit.said_at if (limit := self.briefing.limit) else "",
                limit_ours=limit.ours if limit else False,
                sustained_seconds=SUSTAINED_SECONDS,
                waited_seconds=found.waited,
                problems=tuple(found.problems),
                aborted=found.aborted,
                changed_tables=found.changed_tables,
                identity_problems=found.identity_problems,
                then=found.then,
                recovery_point=self.recovery_point(),
                alert=found.alert,
                took_seconds=self.now(),
            )
        )

    def unjudged(self, why: str) -> DrillResult:
        """What is left to say of a drill whose evidence nobody can judge: that it was, and whether it is undone."""
        found, plan = self.found, self.order.plan
        return judge_drill(
            Evidence(
                id=f"{self.order.policy.system}/{plan.id}",
                plan=plan,
                fault=FaultReport(self.briefing.fault.name, landed=False, targets=()),
                timeline=Timeline((), (), {}),
                writes=None,
                objectives_before=(),
                objectives_after=(),
                residue=None,
                undone=found.undone,
                limit_seconds=self.briefing.limit_seconds,
                problems=tuple(found.problems),
                aborted=why,
            )
        )
