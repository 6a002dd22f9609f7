"""The whole undo of a drill: what its procedure changed and what its fault broke, the newest change first.

The procedure came after the fault, so what it changed is set back first, and nothing is waited for: its pods may not
become ready before the fault is gone. Then the fault is undone, which waits until its own is back; then the pods of
what was set. What fails doesn't end it: everything else is tried, then what failed once more, because one thing may
have needed another, and what is left is said in one sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from drillbook.drills import putting_back
from drillbook.drills.journal import Entry
from drillbook.errors import DrillAborted, DrillbookError
from drillbook.faults import fault_named
from drillbook.faults.fault import PutBack

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

type Try = Callable[[], Awaitable[str]]


async def undo_all(kube: Kube, entry: Entry, seconds: float) -> str:
    """Everything that the entry speaks of is put back and seen to be; what was done, as a sentence. Safe twice.

    ``seconds`` bounds each single wait. Raises DrillAborted that says everything that isn't back.
    """

    def put(one: PutBack) -> Try:
        return lambda: putting_back.put(kube, one)

    def see(one: PutBack) -> Try:
        return lambda: _seen(kube, one, seconds)

    async def fault() -> str:
        return await fault_named(entry.fault).undo(kube, entry.put_back, seconds)

    newest_first = [put(one) for one in reversed(entry.procedure)]
    done: list[str] = []
    again = [one for one in (*newest_first, fault) if await _problem(one, done)]
    problems = [found for one in again if (found := await _problem(one, done))]
    problems += [found for one in entry.procedure if (found := await _problem(see(one), done))]
    if problems:
        raise DrillAborted("; ".join(dict.fromkeys(problems)))
    return ", ".join(done)


async def _seen(kube: Kube, kept: PutBack, seconds: float) -> str:
    await putting_back.see_back(kube, kept, seconds)
    return ""


async def _problem(attempt: Try, done: list[str]) -> str:
    """Why it failed; nothing where it didn't, and what it did is noted then."""
    try:
        text = await attempt()
    except Exception as error:
        # Also a defect of ours: the journal still says what to put back, and all the rest must be put back too.
        return said(error)
    if text:
        done.append(text)
    return ""


def said(error: Exception) -> str:
    """An error as a sentence; one that isn't a sentence already is a defect, and says so."""
    if isinstance(error, DrillbookError):
        return str(error)
    return f"a defect of Drillbook's own: {type(error).__name__}: {error}"
