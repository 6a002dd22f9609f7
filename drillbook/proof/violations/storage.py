"""How backups are broken: made old, small or few, broken off, kept for too long or not long enough."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from drillbook.model.policy import Component, Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_KEPT: Final = ".drillbook-proof"
"""A folder beside the dumps: what is moved there no pattern finds."""
_LIST: Final = 'for file in {path}; do if [ -f "$file" ]; then stat -c \'%Y %s %n\' "$file"; fi; done'


@dataclass(frozen=True, slots=True)
class _File:
    at: int
    size: int
    path: str


@asynccontextmanager
async def old(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Every dump was written longer ago than it may be."""
    component, files = stage.component(objective), await _files(stage, objective)
    back = int(number_beyond(objective)) + 3600
    newest = max(one.at for one in files)
    async with _restored(stage, objective, files):
        for one in files:
            await _run(stage, objective, f"touch -c -d @{one.at - back - (newest - one.at)} {shlex.quote(one.path)}")
        yield Planted(f"{len(files)} dumps of {component.workload} dated {back} s back", _of_backups(stage, component))


@asynccontextmanager
async def other_span(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The oldest dump is older than may be kept, or so young that one can't go back as far as one must."""
    component, files = stage.component(objective), await _files(stage, objective)
    reach = int(number_beyond(objective))
    if str(objective.limit).startswith(">"):
        async with _restored(stage, objective, files):
            for one in files[:-1]:
                await _run(stage, objective, f"rm -f {shlex.quote(one.path)}")
            await _run(stage, objective, f"touch -c {shlex.quote(files[-1].path)}")
            yield Planted(f"one dump of {component.workload} is left", _of_backups(stage, component))
        return
    extra = shlex.quote(_one_more(objective, stage))
    try:
        await _run(stage, objective, f"cp {shlex.quote(files[-1].path)} {extra}")
        await _run(stage, objective, f"touch -d @{files[-1].at - reach - 3600} {extra}")
        yield Planted(f"{extra} in {component.workload}, {reach + 3600} s old", _of_backups(stage, component))
    finally:
        await _run(stage, objective, f"rm -f {extra}")


@asynccontextmanager
async def other_count(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """So many dumps are gone, or so many more are there, that their number is beyond the limit."""
    component, files = stage.component(objective), await _files(stage, objective)
    wanted = int(number_beyond(objective, -1))
    more = [_one_more(objective, stage, number) for number in range(len(files), wanted)]
    async with _restored(stage, objective, files):
        try:
            for one in files[wanted:]:
                await _run(stage, objective, f"rm -f {shlex.quote(one.path)}")
            for path in more:
                await _run(stage, objective, f"cp -p {shlex.quote(files[0].path)} {shlex.quote(path)}")
            yield Planted(f"{wanted} dumps in {component.workload}", _of_backups(stage, component, gone=wanted == 0))
        finally:
            for path in more:
                await _run(stage, objective, f"rm -f {shlex.quote(path)}")


@asynccontextmanager
async def small(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The newest dump has fewer bytes, or more, than it may have."""
    async with _resized(stage, objective, int(number_beyond(objective, -1))) as planted:
        yield planted


@asynccontextmanager
async def broken_off(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The newest dump ends in its middle."""
    files = await _files(stage, objective)
    async with _resized(stage, objective, files[-1].size // 2) as planted:
        yield planted


@asynccontextmanager
async def _resized(stage: Stage, objective: Objective, size: int) -> AsyncIterator[Planted]:
    component, files = stage.component(objective), await _files(stage, objective)
    newest = files[-1]
    path = shlex.quote(newest.path)
    async with _restored(stage, objective, files[-1:]):
        # Its time stays: a dump that breaks off isn't an old one.
        await _run(stage, objective, f"truncate -s {max(0, size)} {path} && touch -c -d @{newest.at} {path}")
        yield Planted(
            f"{newest.path} in {component.workload}: {newest.size} bytes to {size}", _of_backups(stage, component)
        )


@asynccontextmanager
async def _restored(stage: Stage, objective: Objective, files: list[_File]) -> AsyncIterator[None]:
    """These files are as they were in the end, their times too."""
    folder = shlex.quote(str(PurePosixPath(files[0].path).parent / _KEPT))
    paths = " ".join(shlex.quote(one.path) for one in files)
    home = shlex.quote(str(PurePosixPath(files[0].path).parent))
    try:
        await _run(stage, objective, f"mkdir -p {folder} && cp -p {paths} {folder}/")
        yield
    finally:
        await _run(stage, objective, f"cp -p {folder}/* {home}/ && rm -rf {folder}")


async def _files(stage: Stage, objective: Objective) -> list[_File]:
    """What the objective's pattern finds, oldest first. Raises Unplantable where there is nothing to be broken."""
    said = await _run(stage, objective, _LIST.format(path=stage.parameters(objective)["path"]))
    found = sorted((line.split(" ", 2) for line in said.splitlines()), key=lambda words: (int(words[0]), words[2]))
    if not found:
        raise Unplantable(f"{objective.id}: there is no dump that could be broken")
    return [_File(int(at), int(size), path) for at, size, path in found]


def _one_more(objective: Objective, stage: Stage, number: int = 0) -> str:
    """The name of one more file that the pattern finds."""
    pattern = str(stage.parameters(objective)["path"])
    if "*" not in pattern:
        raise Unplantable(f"{objective.id}: {pattern} is one file, and there can't be another")
    return pattern.replace("*", f"drillbook-proof-{number}")


async def _run(stage: Stage, objective: Objective, script: str) -> str:
    container = stage.parameters(objective)["container"] or ""
    return await stage.shell(stage.component(objective), script, container=container)


def _of_backups(stage: Stage, component: Component, *, gone: bool = False) -> frozenset[str]:
    """Whoever has no dump may not be Ready either."""
    same = stage.asking("backup.*", component=component.id)
    return same | (stage.asking("workload.ready_replicas", component=component.id) if gone else frozenset())


VIOLATIONS: Final = (
    Violation("backup.age", old),
    Violation("backup.size", small),
    Violation("backup.span", other_span),
    Violation("backup.count", other_count),
    Violation("backup.incomplete", broken_off),
)
