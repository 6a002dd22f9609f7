"""The post-condition that a documented verification fails while what it should find is there.

It is tried three times: while everything is well, as soon as the fault is injected, and before the procedure's first
step. A verification that doesn't say "all is well" on a healthy system, or that could not be run at all, would fail for
a reason of its own, and shows nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.drills.recovery import describe
from drillbook.drills.steps import WAYS as STEPS
from drillbook.drills.steps.commands import told
from drillbook.errors import DrillAborted, DrillbookError
from drillbook.judge import afterwards_security as judged
from drillbook.judge.afterwards_security import Tried
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.procedures import Entry, changes_data

_ONCE: Final = timedelta(milliseconds=1)
"""What waits for something to be well looks once: longer, and a platform that heals by itself has healed."""
_COMMAND: Final = timedelta(seconds=10)
"""Longer than a client's own time-out for a server that says nothing: then it ends, and says so."""
_POD: Final = timedelta(seconds=20)
"""An image is pulled first."""
_LOOKS: Final = {
    **dict.fromkeys(("check", "http", "wait_ready", "rollout_status"), _ONCE),
    **dict.fromkeys(("exec", "sql", "redis"), _COMMAND),
    "run_pod": _POD,
}
"""Types of steps that look, and how long each may take to find what is broken."""
MOST_SECONDS: Final = 25.0


async def tried(occasion: Occasion, step: Entry) -> Tried:
    """Take one step that looks, once, and tell what came of it.

    It failed where it looked and found something else than it should: another exit code, another answer or none, an
    object or a pod that isn't there. Where nobody could look (a file or a name that can't be used, credentials, a
    cluster that doesn't answer, no end in its time) it is unknown.
    """
    from drillbook.clients.kube import ApiRefusal

    try:
        async with asyncio.timeout(MOST_SECONDS):
            await STEPS[step.type].follow(occasion.ground, replace(step, within=_LOOKS[step.type]))
    except TimeoutError:
        return Tried(unknown=f"it was not over within {MOST_SECONDS:g} s")
    except DrillAborted as error:
        return Tried(refused=told(str(error)))
    except ApiRefusal as refused:
        said = told(str(refused))
        return Tried(refused=said) if refused.code == 404 else Tried(unknown=said)
    except DrillbookError as error:
        return Tried(unknown=told(str(error)))
    return Tried()


def _step_of(occasion: Occasion, entry: Entry) -> Entry:
    """Raises DrillAborted for a step that does more than look."""
    step: Entry = occasion.procedure.steps[entry.values["step"] - 1]
    if step.type not in _LOOKS or changes_data(step):
        raise DrillAborted(f"step {entry.values['step']} ({describe(step)}) changes something, and can't be tried out")
    return step


async def _before(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    if occasion.breaks:
        kept["before"] = await tried(occasion, _step_of(occasion, entry))


async def _verify(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    """With the fault there; until it fails once, as it should."""
    if not occasion.breaks or ("broken" in kept and kept["broken"].refused):
        return
    found = await tried(occasion, _step_of(occasion, entry))
    last = {sample.signal: sample for sample in occasion.timeline().samples}
    kept["broken"], kept["bad"] = found, sorted(signal for signal, sample in last.items() if not sample.good)
    kept["still"] = found == Tried() and await occasion.still()


async def _honest(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    if not occasion.breaks:
        return unseen("nothing is broken in this drill, so the verification had nothing to find")
    name = describe(_step_of(occasion, entry))
    return judged.honest(name, occasion.landed, kept["before"], kept["broken"], kept["bad"], still=kept["still"])


WAYS: Final[Mapping[str, AfterWay]] = {
    "exit_code_honest": AfterWay(
        _honest, prepare=_before, meet=_verify, begin=_verify, more=lambda entry: f"of step {entry.values['step']}"
    ),
}
