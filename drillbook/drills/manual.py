"""Recovery by hand, on a game day: people follow the procedure, Drillbook shows it and keeps the time, no more.

That a step is done is a person's claim, noted with its time; whether the system recovered is for the watch to say, as
in every drill. Nobody at the keyboard is no drill: it is refused before anything is broken, and undone afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from drillbook.drills.availability import Strip, strips
from drillbook.drills.manual_tasks import Task, Words, by_hand, tasks_of
from drillbook.errors import DrillAborted, Refused
from drillbook.model.timeline import EventKind

if TYPE_CHECKING:
    from drillbook.drills.work import Work

POLL_SECONDS: Final = 0.1
MANUAL_SECONDS: Final = 3600.0
"""How long people may take where nobody says another time and the runbook doesn't give a shorter one."""


class Word(StrEnum):
    """What a person says of the step that is to be done now."""

    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that a person is through with."""

    task: Task
    word: Word
    seconds: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that there is to see at one moment."""

    title: str
    tasks: tuple[Task, ...]
    taken: tuple[Taken, ...]
    task_seconds: float
    """For how long the step that is to be done now has been."""
    whole_seconds: float
    """Since the fault was injected."""
    limit_seconds: float | None
    """The documented time of the whole; None where there is none."""
    strips: tuple[Strip, ...]

    @property
    def task(self) -> Task | None:
        """The step that is to be done now; None when all are."""
        return self.tasks[len(self.taken)] if len(self.taken) < len(self.tasks) else None


class Person(Protocol):
    """Whoever follows the procedure: a screen to look at, and keys."""

    def is_there(self) -> bool:
        """Whether anybody could still say something."""
        ...

    def show(self, look: Callable[[], Scene]) -> None:
        """From now on, and until the next call, ``look`` says what there is to see. It may be called in any thread."""
        ...

    def answer(self, seconds: float) -> Word | None:
        """The next word about the step that is shown; None where none is said within ``seconds``."""
        ...


def expect_a_person(work: Work) -> None:
    """What people will be told is written, while everything is well yet. Raises Refused where nobody is there."""
    if not work.briefing.by_hand:
        return
    if work.person is None or not work.person.is_there():
        raise Refused(
            f"{work.order.plan.id} is recovered by hand and nobody is there to do it: run it with `drillbook drill` at "
            "a terminal"
        )
    order = work.order
    words = Words(order.policy, order.environment.name)
    steps = by_hand(order.policy, work.briefing.procedure)
    work.tasks = work.connections.on_kube(lambda kube: tasks_of(kube, words, steps))


def follow_by_hand(work: Work) -> None:
    """Show one step after another and wait for the person's word on each, until all are done or the time is over."""
    person, injecting = work.person, work.found.injecting
    if person is None or injecting is None:
        raise DrillAborted("nobody is there to follow the procedure, or the fault was never injected")
    taken: list[Taken] = []
    begun = [work.now()]

    def look() -> Scene:
        watch = work.watch
        return Scene(
            title=work.briefing.experiment.title,
            tasks=work.tasks,
            taken=tuple(taken),
            task_seconds=work.now() - begun[0],
            whole_seconds=work.found.waited or work.now() - injecting,
            limit_seconds=work.briefing.limit_seconds,
            strips=strips(watch.samples, watch.intervals, work.now()) if watch else (),
        )

    person.show(look)
    for task in work.tasks:
        work.write_down(task.step)
        begun[0] = work.now()
        word = _word(work, person, injecting)
        if word is None:
            waited = f"{work.now() - injecting:.0f} s after the injection"
            work.found.problems.append(f"the recovery step {task.text} was not done by hand {waited}")
            return
        taken.append(Taken(task, word, work.now() - begun[0]))
        _note(work, taken[-1], begun[0])
    work.found.followed = all(one.word is Word.DONE for one in taken)


def _word(work: Work, person: Person, injecting: float) -> Word | None:
    """A person's word; None when the drill has waited long enough."""
    while (word := person.answer(POLL_SECONDS)) is None:
        work.keep_on()
        if not person.is_there():
            raise DrillAborted("aborted: nobody is at the keyboard any more")
        if work.now() - injecting > work.longest:
            return None
    return word


def _note(work: Work, taken: Taken, begun: float) -> None:
    skipped = taken.word is Word.SKIPPED
    details: dict[str, Any] = {
        "begun": begun,
        "took_seconds": taken.seconds,
        "type": taken.task.step.type,
        "problem": "skipped by a person" if skipped else "",
        "unseen": skipped,
        "claim": "" if skipped else "a person said that it is done",
        "assumed": False,
    }
    if taken.task.documented_seconds is not None and not skipped:
        details["documented_seconds"] = taken.task.documented_seconds
    work.event(EventKind.STEP, taken.task.text, details=details)
    work.say(f"recovery step: {taken.task.text}: {taken.word} by hand after {taken.seconds:.1f} s")
    if skipped:
        work.found.problems.append(
            f"the recovery step {taken.task.text} ({taken.task.place}) was skipped, so the procedure was not followed "
            "as documented"
        )
