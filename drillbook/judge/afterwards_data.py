"""Post-conditions of data: what a restore made of it, who was there meanwhile, what became of keys and tasks; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drillbook.judge.afterwards import listed
from drillbook.judge.outcome import Outcome, broken, holds, unseen

RESTORERS = frozenset({"psql", "pg_restore"})
"""What the sessions of a restore call themselves (``application_name``)."""


def fidelity(changed: tuple[str, ...] | str) -> Outcome:
    """``changed``: a sentence for each table that isn't what it was; or why nobody can tell."""
    if isinstance(changed, str):
        return unseen(changed)
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        return broken(f"{changed[0]}{more}")
    return holds("every table that nobody wrote to holds what it held before the fault")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who had a session with the database at one moment, by what they call themselves."""

    at: float
    names: tuple[str, ...]


def quiesced(looks: Sequence[Sessions], replacing: Sequence[tuple[float, float]]) -> Outcome:
    """``replacing``: begin and end of the steps that replaced data, in the time of the looks."""
    if not replacing:
        return unseen("no step of the procedure replaced data, so there was nothing to be quiet for")
    within = [look for look in looks if any(begin <= look.at <= end for begin, end in replacing)]
    if not within:
        return unseen("nobody could look at the sessions while the data was replaced")
    others = Counter(name for look in within for name in sorted(set(look.names) - RESTORERS))
    if others:
        name, count = others.most_common(1)[0]
        more = f" (and {len(others) - 1} others)" if len(others) > 1 else ""
        return broken(
            f"expected nobody but the restorer, found a session of {name}{more} in {count} of {len(within)} looks "
            "while the data was replaced"
        )
    return holds(f"nobody but the restorer had a session in {len(within)} looks while the data was replaced")


def tasks(enqueued: Sequence[str], executions: Mapping[str, int], restored: bool) -> Outcome:
    """``enqueued``: the keys whose enqueuing was acknowledged; ``restored``: the record of executions was replaced."""
    if not enqueued:
        return unseen("no task could be put into the queue meanwhile")
    missing = [key for key in enqueued if executions.get(key, 0) == 0]
    doubled = [key for key in enqueued if executions.get(key, 0) > 1]
    if missing and restored:
        return unseen(
            f"{len(missing)} of {len(enqueued)} tasks are in no record of executions, which was restored meanwhile: "
            "whether they were executed before that nobody can tell"
        )
    if missing:
        return broken(f"{len(missing)} of {len(enqueued)} enqueued tasks were never executed: {listed(missing)}")
    if doubled:
        return broken(f"{len(doubled)} of {len(enqueued)} enqueued tasks were executed more than once: {doubled[0]}")
    return holds(f"all {len(enqueued)} tasks that were enqueued meanwhile were executed once")


def keys(pattern: str, ours_there: bool, other_there: bool) -> Outcome:
    """Of two keys that were put there before: one of the pattern, and one that isn't."""
    if ours_there:
        return broken(f"expected no key of {pattern} from before, found one that is still there")
    if not other_there:
        return broken(f"expected keys that don't match {pattern} to stay, found one gone that was there before")
    return holds(f"a key of {pattern} from before is gone, and one that doesn't match it is there")


def backup_age(path: str, written: int | None, size: int, begun: int) -> Outcome:
    """Times are those of the clock that wrote the file, in seconds since 1970."""
    if written is None:
        return broken(f"expected a backup at {path}, found none")
    if written < begun:
        return broken(f"expected a backup younger than the procedure, found {path} {begun - written} s older")
    if not size:
        return broken(f"expected a backup with something in it, found {path} empty")
    return holds(f"{path} is younger than the procedure")


def refusals(tried: Mapping[str, str]) -> Outcome:
    """``tried``: by kind of bad backup, what became of it: empty where it was refused and nothing was destroyed."""
    taken = {kind: problem for kind, problem in tried.items() if problem}
    refused = [kind for kind in tried if kind not in taken]
    if not taken:
        return holds(f"{listed(refused)} backup is refused before anything is destroyed")
    also = f"; {listed(refused)} one is refused" if refused else ""
    found = ", ".join(f"{kind} one {problem}" for kind, problem in taken.items())
    return broken(
        f"expected {listed(list(taken))} backup to be refused before anything is destroyed, found {found}{also}"
    )


def inventory(wanted: Sequence[str], found: Mapping[str, bool], plain: Sequence[str]) -> Outcome:
    """``found``: whether each wanted thing is in the backup; ``plain``: files in which a Secret can be read."""
    if missing := [name for name in wanted if not found.get(name)]:
        return broken(f"expected {listed(list(wanted))} in the backup, found nothing of {listed(missing)}")
    if plain:
        return broken(f"expected no secret in plain text, found one in {listed(list(plain))}")
    return holds(f"{listed(list(wanted))} are in the backup, and no secret in plain text")
