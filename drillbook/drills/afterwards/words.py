"""Post-conditions of the runbook's own words: its commands can be followed as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.drills.recovery import describe
from drillbook.drills.steps.commands import run_in, spot_of
from drillbook.judge import afterwards_security as judged
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.procedures import Entry

_PLACEHOLDER: Final = re.compile(r"<[A-Za-z][\w .-]*>|\b(YOUR|CHANGE_?ME|REPLACE)[_A-Z]*\b|\bXXX+\b")
_INTERACTIVE: Final = frozenset({"-it", "-ti", "--interactive", "--tty", "-i"})


async def _followable(occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    problems = []
    for step in occasion.procedure.steps:
        problems += [f"{describe(step)}: {problem}" for problem in _lint(step)]
        if step.type == "exec" and not await _has(occasion, step):
            problems.append(f"{describe(step)}: there is no command {step.values['command'][0]} in the container")
    return judged.followable(problems)


async def _has(occasion: Occasion, step: Entry) -> bool:
    spot = await spot_of(occasion.ground, occasion.component(step), step.values["container"])
    asked = ["sh", "-c", 'command -v "$1"', "sh", step.values["command"][0]]
    return (await run_in(occasion.ground, spot, asked, 20.0)).exit_code == 0


def _lint(step: Entry) -> Iterator[str]:
    """What nobody can follow as it is written."""
    for word in _words(step.values):
        if found := _PLACEHOLDER.search(word):
            yield f"the placeholder {found[0]} says nothing"
        if word in _INTERACTIVE and step.type in {"exec", "run_pod"}:
            yield f"{word} asks for a terminal, which a machine doesn't have"


def _words(values: Mapping[str, Any]) -> Iterator[str]:
    for value in values.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _words(value)
        elif isinstance(value, tuple):
            yield from (one for one in value if isinstance(one, str))


async def _equivalent(_occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    return unseen("how a recovered instance is protected is a cloud's to say, and nothing in this version asks one")


WAYS: Final[Mapping[str, AfterWay]] = {
    "procedure_lint": AfterWay(_followable),
    "recovered_instance_equivalent": AfterWay(_equivalent),
}
