"""What interrupted drills left broken: the entries of their undo journals that nobody undid, and the undo itself.

A drill that was killed leaves its entry on its own disk, in the cluster, or in both; any machine can finish from the
one in the cluster. Nothing is undone while the drill may still be alive: its lock is taken first, which a live drill
renews and a dead one lets expire. Finishing twice is safe, and so is finishing what never began.

An entry that only a disk has is not undone. Either its fault never began, or it was finished from another machine, as
its tombstone says; or somebody deleted its ConfigMap, and then only a person can tell whether it is still to be undone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.drills.journal import (
    Entry,
    InCluster,
    Journal,
    entries_in_cluster,
    forget,
    mark_finished,
    open_entries,
    stays,
)
from drillbook.drills.lock import Lock, holder_of
from drillbook.drills.undoing import said, undo_all
from drillbook.errors import ConfigError, DrillbookError

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

UNDO_SECONDS: Final = 120.0
ON_DISK: Final = "*/undo-*.jsonl"
"""Where the journals of drills are, below the folder of reports."""
PLAIN: Final = "undo"
"""Where those of plain ``chaos run`` are, below the folder of sandboxes' states."""


@dataclass(frozen=True, slots=True)
class Finish:
    """What became of one entry, or of what should have been one."""

    id: str
    """The drill's; of what can't be read, where it is."""
    done: str
    """What the undo found and did; empty where it is not finished."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An entry, and the files on this machine that hold it; none where another machine wrote it."""

    entry: Entry
    files: tuple[Path, ...] = ()
    in_cluster: bool = False

    @property
    def where(self) -> str:
        """Everything that would have to be deleted for it to be forgotten."""
        config_map = f"ConfigMap {self.entry.namespace}/{self.entry.config_map}"
        return " and ".join([*([config_map] if self.in_cluster else []), *map(str, self.files)])


def on_disk(reports: Path, plain: Path) -> tuple[tuple[Unfinished, ...], tuple[Finish, ...]]:
    """The open entries of the runs below ``reports``, and of plain ``chaos run`` in ``plain``.

    The second value is what can't be read, which keeps nobody from the rest.
    """
    files = [*sorted(reports.glob(ON_DISK)), *sorted(plain.glob("*.jsonl"))]
    found: list[Unfinished] = []
    unreadable: list[Finish] = []
    # reports/latest is a link to a run's folder: one journal, seen twice.
    for path in dict.fromkeys(path.resolve() for path in files):
        try:
            found += [Unfinished(entry, (path,)) for entry in open_entries(path)]
        except ConfigError as error:
            unreadable.append(Finish(str(path), "", _a_person(str(error), str(path))))
    return tuple(found), tuple(unreadable)


async def finish(
    kube: Kube,
    namespace: str,
    ours: Collection[Unfinished],
    recoverer: str,
    say: Callable[[str], None],
    *,
    dead: bool = False,
    from_disk: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[Finish, ...]:
    """Finish every undo of one namespace, the newest first; nothing there is no error.

    ``ours`` are the entries on this machine's disk, of whatever cluster; ``from_disk`` undoes them also where the
    cluster knows nothing of them. ``recoverer`` holds the lock meanwhile. With ``dead`` the drill is known to be, and
    its lock is not waited for. Raises Refused when a drill holds the lock and goes on renewing it, Unreachable when the
    cluster doesn't answer.
    """
    here = [one for one in ours if one.entry.namespace == namespace and one.entry.cluster == await kube.cluster_uid()]
    holder = await holder_of(kube, namespace)
    if not here and holder is None and not await entries_in_cluster(kube, namespace):
        return ()
    lock = Lock(namespace, recoverer, clock)
    if dead and holder is not None:
        await Lock(namespace, holder).release(kube)
    await lock.take_over(kube, say)
    renewal = asyncio.create_task(lock.renew_for_ever(kube))
    try:
        # Read again: until the lock was ours, a drill may have written its entry, or undone it.
        lying = await entries_in_cluster(kube, namespace)
        written = [Unfinished(entry, in_cluster=True) for entry in lying.entries]
        still = [one for one in here if _is_open(one)]
        left = _Left(kube, lying, from_disk, say, clock)
        finished = [await left.finish(one) for one in _newest_first([*still, *written])]
        await left.clear_away(namespace)
        return (*finished, *left.unreadable(namespace))
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError, DrillbookError):
            await renewal
        await lock.release(kube)


def _is_open(one: Unfinished) -> bool:
    return any(entry.id == one.entry.id for path in one.files for entry in open_entries(path))


def _newest_first(found: Iterable[Unfinished]) -> Iterator[Unfinished]:
    """One for each entry, with every file that holds it; what was broken last is put back first."""
    merged: dict[str, Unfinished] = {}
    for one in found:
        other = merged.get(one.entry.id, one)
        # The disk is written first: where both have the entry, one may know of a step more.
        entry = max(other.entry, one.entry, key=lambda entry: len(entry.begun))
        files = one.files if other is one else (*other.files, *one.files)
        merged[one.entry.id] = Unfinished(entry, files, other.in_cluster or one.in_cluster)
    return iter(sorted(merged.values(), key=lambda one: one.entry.written, reverse=True))


def _a_person(why: str, where: str) -> str:
    return f"{why}; a person must look at the system, and then delete {where}"


class _Left:
    """What is left in one namespace, while its lock is ours."""

    def __init__(self, kube: Kube, lying: InCluster, from_disk: bool, say: Callable[[str], None], clock: Clock) -> None:
        self._kube, self._lying, self._from_disk, self._say, self._clock = kube, lying, from_disk, say, clock

    async def finish(self, one: Unfinished) -> Finish:
        """Undo one entry, or say why not."""
        entry = one.entry
        try:
            if not one.in_cluster:
                if entry.config_map in self._lying.finished:
                    await self._close(one)
                    return Finish(entry.id, "it was finished from another machine already")
                if not entry.placed:
                    await self._close(one)
                    return Finish(entry.id, "its fault never began")
                if not self._from_disk:
                    return Finish(entry.id, "", _only_on_disk(one))
            if self._clock.now() > entry.expires:
                why = f"its entry expired at {entry.expires:%Y-%m-%d %H:%M} UTC"
                return Finish(entry.id, "", _a_person(why, one.where))
            self._say(f"undoing {entry.fault} of {entry.id}")
            done = await undo_all(self._kube, entry, UNDO_SECONDS)
            await self._close(one)
        except Exception as error:
            # Also a defect of ours: the other entries must be undone all the same.
            return Finish(entry.id, "", said(error))
        return Finish(entry.id, ", ".join(filter(None, (done, stays(entry.begun)))))

    def unreadable(self, namespace: str) -> tuple[Finish, ...]:
        """What lies there and is no entry: nobody knows what it would have put back."""
        places = [(f"ConfigMap {namespace}/{name}", why) for name, why in self._lying.unreadable.items()]
        return tuple(Finish(place, "", _a_person(why, place)) for place, why in places)

    async def clear_away(self, namespace: str) -> None:
        """Tombstones that have served their time."""
        for name, expires in self._lying.finished.items():
            if self._clock.now() > expires:
                await forget(self._kube, namespace, name)

    async def _close(self, one: Unfinished) -> None:
        """It is finished, which everybody who has the entry must come to know."""
        await mark_finished(self._kube, one.entry)
        for path in one.files:
            journal = Journal(path)
            journal.close(one.entry)
            if path.parent.name == PLAIN:
                journal.discard()
        if one.files:
            # The only file that there is says so now; without one here, it lies on another machine.
            await forget(self._kube, one.entry.namespace, one.entry.config_map)


def _only_on_disk(one: Unfinished) -> str:
    return _a_person(
        "only this machine's journal knows of it: it was finished long ago, or somebody deleted its ConfigMap "
        f"{one.entry.config_map}, and what it would put back may be older than what is there now; where it is still "
        "to be undone, say --from-disk",
        one.where,
    )
