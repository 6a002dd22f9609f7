"""Backups as files that a pod can see: how old, how large, how many, and whether the newest is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.kube_exec import execute
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.running import Place, place_of
from drillbook.probes.scene import Scene, needed

_LIST_SECONDS: Final = 10.0
_READ_SECONDS: Final = 18.0
_LIST: Final = """
IFS=
folder=$(dirname -- "$1")
[ -d "$folder" ] || { echo "there is no folder $folder" >&2; exit 3; }
[ -r "$folder" ] || { echo "folder $folder can't be read" >&2; exit 3; }
date +%s
for file in $1; do if [ -f "$file" ]; then stat -L -c '%s %Y %n' -- "$file"; fi; done
"""
"""The pattern is expanded and never evaluated: without IFS nothing splits it either."""
_TAIL: Final = """
magic=$(head -c 5 -- "$1" | tr -d '\\0')
case $magic in
  PGDMP) echo custom; exit 0;;
esac
{ case $1 in
    *.gz) gzip -dc -- "$1" || echo "drillbook: it can't be unpacked";;
    *) cat -- "$1";;
  esac
} 2>&1 | tail -c 2000
"""
_TRAILERS: Final = ("-- PostgreSQL database dump complete", "-- PostgreSQL database cluster dump complete")
"""The last comment of pg_dump and pg_dumpall; since 2025's releases a line ``\\unrestrict`` follows it."""
_SKEW: Final = 60.0
"""Seconds that two clocks may differ by without a word."""


@dataclass(frozen=True, slots=True)
class File:
    """One file that the pattern finds."""

    path: str
    size: int
    at: int
    """When it was last written to, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found, oldest first; files without a byte are no backups and are told apart."""

    place: Place
    files: tuple[File, ...]
    empty: tuple[File, ...]
    pod_clock: int

    @property
    def evidence(self) -> dict[str, Any]:
        shown = [{"path": one.path, "bytes": one.size, "written": one.at} for one in self.files[-10:]]
        return {
            "newest_last": shown,
            "files": len(self.files),
            "empty_files": [one.path for one in self.empty],
            "pod_clock": self.pod_clock,
        }


async def age(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How long ago the newest file that isn't empty was last written; infinite where there is none."""
    found = await _list(scene, needed(component, "backup.age"), parameters)
    where = f"newest of {parameters['path']} in {found.place}"
    if not found.files:
        return scene.seen(Dimension.DURATION, f"{where}: there is none", Decimal("Infinity"), evidence=found.evidence)
    newest = found.files[-1]
    seconds = round(scene.clock.now().timestamp() - newest.at, 3)
    if newest.at > max(found.pod_clock, scene.clock.now().timestamp()) + _SKEW:
        problem = f"{newest.path} was written in the future, so its time says nothing"
        return scene.unseen(Dimension.DURATION, where, problem, remedy="set the clocks right", evidence=found.evidence)
    age_seconds = max(0.0, seconds)
    return scene.seen(Dimension.DURATION, newest.path, age_seconds, samples=len(found.files), evidence=found.evidence)


async def size(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Bytes of the newest file, empty ones not left out; 0 where there is none."""
    found = await _list(scene, needed(component, "backup.size"), parameters)
    newest = max((*found.files, *found.empty), key=lambda one: one.at, default=None)
    where = newest.path if newest else f"{parameters['path']} in {found.place}: there is none"
    return scene.seen(Dimension.BYTES, where, newest.size if newest else 0, evidence=found.evidence)


async def span(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How long ago the oldest file that is still kept was written: how far back one can go; 0 where there is none."""
    found = await _list(scene, needed(component, "backup.span"), parameters)
    where = found.files[0].path if found.files else f"{parameters['path']} in {found.place}: there is none"
    seconds = max(0.0, round(scene.clock.now().timestamp() - found.files[0].at, 3)) if found.files else 0.0
    return scene.seen(Dimension.DURATION, where, seconds, samples=max(1, len(found.files)), evidence=found.evidence)


async def count(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How many files there are that aren't empty."""
    found = await _list(scene, needed(component, "backup.count"), parameters)
    where = f"{parameters['path']} in {found.place}"
    return scene.seen(Dimension.COUNT, where, len(found.files), evidence=found.evidence)


async def incomplete(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """1 where the newest file doesn't end with the line that pg_dump writes last, plain or packed; 0 where it does.

    ``gunzip -t`` finds nothing wrong with the packed output of a dump that broke off, or that wrote nothing.
    """
    asked = needed(component, "backup.incomplete")
    found = await _list(scene, asked, parameters)
    newest = max((*found.files, *found.empty), key=lambda one: one.at, default=None)
    if newest is None:
        where = f"{parameters['path']} in {found.place}"
        return scene.unseen(
            Dimension.COUNT, where, "there is no dump to look into", remedy="make one, or correct the parameter path"
        )
    command = ["sh", "-c", _TAIL, "sh", newest.path]
    answer = await execute(await scene.kube(), *found.place, command, timeout=_READ_SECONDS)
    evidence = found.evidence | {"looked_into": newest.path}
    if answer.exit_code != 0:
        problem = f"{newest.path} can't be read in {found.place}: {answer.stderr.strip() or answer.stdout.strip()}"
        return scene.unseen(
            Dimension.COUNT, newest.path, problem, remedy="let the container read it", evidence=evidence
        )
    if answer.stdout.strip() == "custom":
        problem = "it is in pg_dump's own format, whose end says nothing of its wholeness"
        remedy = "dump in plain format, or restore it in a drill"
        return scene.unseen(Dimension.COUNT, newest.path, problem, remedy=remedy, evidence=evidence)
    whole = is_whole(answer.stdout)
    told = newest.path if whole else f"{newest.path}: it doesn't end as pg_dump ends a dump"
    return scene.seen(Dimension.COUNT, told, int(not whole), evidence=evidence)


def is_whole(tail: str) -> bool:
    """Whether the last characters of a dump, unpacked, are those of one that came to its end."""
    after = next((tail.rpartition(line)[2] for line in _TRAILERS if line in tail), None)
    # Whatever follows the trailer is a comment, or the line that ends restricted mode.
    return after is not None and all(
        not line.strip() or line.startswith(("--", "\\unrestrict")) for line in after.splitlines()
    )


async def _list(scene: Scene, component: Component, parameters: Mapping[str, Any]) -> Listing:
    """Raises Unreachable where nobody can look."""
    pattern, container = parameters["path"], parameters["container"]

    async def look() -> Listing:
        place = await place_of(scene, component, container)
        command = ["sh", "-c", _LIST, "sh", pattern]
        answer = await execute(await scene.kube(), *place, command, timeout=_LIST_SECONDS)
        lines = answer.stdout.splitlines()
        if answer.exit_code != 0 or not lines:
            said = answer.stderr.strip() or f"exit code {answer.exit_code}"
            raise Unreachable(f"backups {pattern} can't be listed in {place}: {said}")
        files = sorted((_file(line) for line in lines[1:]), key=lambda one: (one.at, one.path))
        kept, empty = (tuple(one for one in files if bool(one.size) is wanted) for wanted in (True, False))
        return Listing(place, kept, empty, int(lines[0]))

    return await scene.once(("backups", component.id, pattern, container), look)


def _file(line: str) -> File:
    number, at, path = line.split(" ", 2)
    return File(path, int(number), int(at))
