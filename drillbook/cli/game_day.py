"""The screen of a game day: the step to do now, stopwatches, and whether users are served; keys say what is done.

Where standard error is no terminal there are plain lines instead, one for each step and every ten seconds one on how
users are served.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from drillbook.cli.keyboard import Keyboard
from drillbook.drills.availability import Strip
from drillbook.drills.manual import Scene, Word
from drillbook.drills.manual_tasks import Task
from drillbook.judge.recovery import time_words

PER_SECOND: Final = 4
KEYS: Final = "Enter: this step is done   s: skip it   q or Ctrl-C: stop, and put everything back"
LINES: Final = "Enter when it is done, s Enter to skip it, q Enter to stop and put everything back"
LOOK_SECONDS: Final = 10.0
STEPS: Final = 8
"""How many steps are shown at once."""
BEFORE: Final = 3
"""How many of them may be over."""
_MARKS: Final = {True: ("━", "green"), False: ("╳", "bold red"), None: ("·", "dim")}


@contextmanager
def game_day(console: Console | None = None, keyboard: Keyboard | None = None) -> Iterator[Screen | Lines]:
    """Somebody at a screen, or at plain lines, until the end; the terminal is then what it was."""
    console = console or Console(stderr=True, highlight=False)
    with ExitStack() as stack:
        keys = stack.enter_context(keyboard or Keyboard())
        if not console.is_terminal:
            yield Lines(keys)
            return
        screen = Screen(console, keys)
        stack.enter_context(screen.live)
        yield screen


class Lines:
    """A person at lines: what follows is printed once, and answered in lines."""

    def __init__(self, keys: Keyboard, say: Callable[[str], None] = lambda text: click.echo(text, err=True)) -> None:
        self._keys, self.say = keys, say
        self._look: Callable[[], Scene] | None = None
        self._told: Task | None = None
        self._looked = 0.0

    def is_there(self) -> bool:
        return self._keys.is_there

    def show(self, look: Callable[[], Scene]) -> None:
        self._keys.forget()
        self._look, self._told = look, None

    def answer(self, seconds: float) -> Word | None:
        if self._look is not None:
            self._tell(self._look())
        return self._keys.word(seconds)

    def _tell(self, scene: Scene) -> None:
        task, now = scene.task, time.monotonic()
        if task is not None and task is not self._told:
            self._told, self._looked = task, now
            self.say(f"{_number(scene)}: {task.text} ({task.place}){_documented(task)}\n    {task.to_do}\n    {LINES}")
        elif now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self.say(f"{_whole(scene)}; {', '.join(f'{s.signal} {_state(s)}' for s in scene.strips)}")


class Screen:
    """A person at a terminal."""

    def __init__(self, console: Console, keys: Keyboard) -> None:
        self._keys = keys
        self._look: Callable[[], Scene] | None = None
        self.live = Live(
            console=console,
            get_renderable=self._now,
            refresh_per_second=PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def say(self, text: str) -> None:
        """A line above the screen, which stays."""
        self.live.console.print(Text(text))

    def is_there(self) -> bool:
        return self._keys.is_there

    def show(self, look: Callable[[], Scene]) -> None:
        self._keys.forget()
        self._look = look

    def answer(self, seconds: float) -> Word | None:
        return self._keys.word(seconds)

    def _now(self) -> RenderableType:
        return Text("") if self._look is None else drawn(self._look())


def drawn(scene: Scene) -> RenderableType:
    """The screen at one moment."""
    late = scene.limit_seconds is not None and scene.whole_seconds > scene.limit_seconds
    parts: list[RenderableType] = [Text(_whole(scene), style="bold red" if late else "bold"), _steps(scene), Text("")]
    if scene.task is not None:
        parts += [*_to_do(scene, scene.task), Text("")]
    parts += [_availability(scene.strips), Text("")]
    keys = KEYS if scene.task is not None else "q or Ctrl-C: stop, and put everything back"
    return Panel(Group(*parts, Text(keys, style="dim")), title=Text(scene.title), title_align="left")


def _steps(scene: Scene) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    # What doesn't fit would push the keys off the screen.
    first = max(0, min(len(scene.taken) - BEFORE, len(scene.tasks) - STEPS))
    for number, task in tuple(enumerate(scene.tasks))[first : first + STEPS]:
        taken = scene.taken[number] if number < len(scene.taken) else None
        if taken is not None:
            mark, style = ("✓", "green") if taken.word is Word.DONE else ("skipped", "yellow")
            spent = time_words(round(taken.seconds, 1))
        else:
            now = task is scene.task
            mark, style, spent = ("▶", "bold", "") if now else ("", "dim", "")
        table.add_row(mark, f"{number + 1}", Text(task.text), task.place, spent, style=style)
    return table


def _to_do(scene: Scene, task: Task) -> list[RenderableType]:
    spent = f"{_clock(scene.task_seconds)}{_documented(task)}"
    late = task.documented_seconds is not None and scene.task_seconds > task.documented_seconds
    parts: list[RenderableType] = [
        Text.assemble((f"{_number(scene)}  ", "bold"), (spent, "bold red" if late else "bold")),
        # Plain and alone on its line, so that it can be copied.
        Text(task.to_do, style="cyan", overflow="fold"),
    ]
    return parts + ([Text(task.step.note, style="dim")] if task.step.note else [])


def _availability(strips: tuple[Strip, ...]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for strip in strips:
        cells = Text.assemble(*(_MARKS[cell] for cell in strip.cells))
        table.add_row(strip.signal, cells, Text(_state(strip), style=_MARKS[strip.good][1]))
    return table


def _state(strip: Strip) -> str:
    if strip.good is None:
        return "nothing seen"
    return "good" if strip.good else f"bad: {strip.detail}" if strip.detail else "bad"


def _number(scene: Scene) -> str:
    return f"step {len(scene.taken) + 1} of {len(scene.tasks)}"


def _documented(task: Task) -> str:
    return f" of {time_words(task.documented_seconds)} documented" if task.documented_seconds is not None else ""


def _whole(scene: Scene) -> str:
    documented = f" of {time_words(scene.limit_seconds)} documented" if scene.limit_seconds is not None else ""
    rest = "" if scene.task is not None else ", every step is done: waiting until it has recovered"
    if not scene.tasks:
        rest = ", nothing is to be done: waiting until it has recovered"
    return f"{_clock(scene.whole_seconds)}{documented} since the fault{rest}"


def _clock(seconds: float) -> str:
    """``4:07``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
