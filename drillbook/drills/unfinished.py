"""What interrupted drills left broken: the entries of their undo journals that nobody undid, and the undo itself.

A drill that was killed leaves its entry on its own disk, in the cluster, or in both; from either one any machine can
finish. Nothing is undone while the drill may still be alive: its lock is taken first, which a live drill renews and a
dead one lets expire. Finishing twice is safe, and so is finishing what never began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.drills import putting_back
from drillbook.drills.journal import Entry, Journal, entries_in_cluster, forget, open_entries, stays
from drillbook.drills.lock import LASTS_SECONDS, Lock, holder_of
from drillbook.errors import DrillbookError, Refused
from drillbook.faults import fault_named

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

UNDO_SECONDS: Final = 120.0
RETRY_SECONDS: Final = 0.5
ON_DISK: Final = "*/undo-*.jsonl"
"""Where the journals of drills are, below the folder of reports."""
PLAIN: Final = "undo"
"""Where those of plain ``chaos run`` are, below the folder of sandboxes' states."""


@dataclass(frozen=True, slots=True)
class Finish:
    """What became of one entry."""

    entry: Entry
    done: str
    """What the undo found and did; empty where it is not finished."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An entry, and the files on this machine that hold it; none where another machine wrote it."""

    entry: Entry
    files: tuple[Path, ...] = ()


def on_disk(reports: Path, plain: Path) -> tuple[Unfinished, ...]:
    """The open entries of the runs below ``reports``, and of plain ``chaos run`` in ``plain``. Raises ConfigError."""
    files = [*sorted(reports.glob(ON_DISK)), *sorted(plain.glob("*.jsonl"))]
    # reports/latest is a link to a run's folder: one journal, seen twice.
    real = dict.fromkeys(path.resolve() for path in files)
    return tuple(Unfinished(entry, (path,)) for path in real for entry in open_entries(path))


async def finish(
    kube: Kube,
    namespace: str,
    ours: Collection[Unfinished],
    recoverer: str,
    say: Callable[[str], None],
    *,
    dead: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[Finish, ...]:
    """Finish every undo of one namespace, the newest first; nothing there is no error.

    ``ours`` are the entries on this machine's disk, of whatever cluster. ``recoverer`` holds the lock meanwhile. With
    ``dead`` the drill is known to be, and its lock is not waited for. Raises Refused when a drill holds the lock and
    goes on renewing it, Unreachable when the cluster doesn't answer, ConfigError for an entry that can't be read.
    """
    here = [one for one in ours if one.entry.namespace == namespace and one.entry.cluster == await kube.cluster_uid()]
    holder = await holder_of(kube, namespace)
    if not here and holder is None and not await entries_in_cluster(kube, namespace):
        return ()
    lock = Lock(namespace, recoverer, clock)
    await _take(kube, lock, say, even_from=holder if dead else None)
    renewal = asyncio.create_task(lock.renew_for_ever(kube))
    try:
        # Read again: until the lock was ours, a drill may have written its entry, or undone it.
        written = [Unfinished(entry) for entry in await entries_in_cluster(kube, namespace)]
        still = [one for one in here if _is_open(one)]
        return tuple([await _finish_one(kube, one, say, clock) for one in _newest_first([*still, *written])])
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError, DrillbookError):
            await renewal
        await lock.release(kube)


async def _take(kube: Kube, lock: Lock, say: Callable[[str], None], even_from: str | None) -> None:
    """Take the lock as soon as it is free, or expired: a dead drill's is at most LASTS_SECONDS from now."""
    if even_from is not None:
        await Lock(lock.namespace, even_from).release(kube)
    loop = asyncio.get_running_loop()
    begun, told = loop.time(), False
    while True:
        try:
            await lock.take(kube)
        except Refused as refused:
            if loop.time() - begun > LASTS_SECONDS + 2 * RETRY_SECONDS:
                raise Refused(f"{_because(refused)}; it is alive, and puts everything back by itself") from refused
            if not told:
                say(f"{_because(refused)}: waiting at most {LASTS_SECONDS} s until it expires, or is renewed")
                told = True
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _because(refused: Refused) -> str:
    return str(refused).removeprefix("not injecting: ").partition(";")[0]


def _is_open(one: Unfinished) -> bool:
    return any(entry.id == one.entry.id for path in one.files for entry in open_entries(path))


def _newest_first(found: Iterable[Unfinished]) -> Iterator[Unfinished]:
    """One for each entry, with every file that holds it; what was broken last is put back first."""
    merged: dict[str, Unfinished] = {}
    for one in found:
        other = merged.get(one.entry.id, one)
        # The disk is written first: where both have the entry, one may know of a step more.
        entry = max(other.entry, one.entry, key=lambda entry: len(entry.begun))
        merged[one.entry.id] = Unfinished(entry, one.files if other is one else (*other.files, *one.files))
    return iter(sorted(merged.values(), key=lambda one: one.entry.written, reverse=True))


async def _finish_one(kube: Kube, one: Unfinished, say: Callable[[str], None], clock: Clock) -> Finish:
    entry = one.entry
    if clock.now() > entry.expires:
        return Finish(entry, "", f"its entry expired at {entry.expires:%Y-%m-%d %H:%M} UTC: a person must look")
    say(f"undoing {entry.fault} of {entry.id}")
    try:
        undone = await fault_named(entry.fault).undo(kube, entry.put_back, UNDO_SECONDS)
        restored = await putting_back.restore(kube, entry.procedure, UNDO_SECONDS)
        await forget(kube, entry)
        for path in one.files:
            await Journal(path).undone(kube, entry)
    except DrillbookError as error:
        return Finish(entry, "", str(error))
    return Finish(entry, ", ".join(filter(None, (undone, restored, stays(entry.begun)))))
