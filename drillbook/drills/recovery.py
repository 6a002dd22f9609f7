"""Documented recovery procedures, followed step by step.

A step that returns has only claimed success; whether the system recovered is for the watch to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drillbook.drills import putting_back
from drillbook.drills.steps import WAYS
from drillbook.drills.steps.ground import Ground, seconds_of
from drillbook.errors import ConfigError, DrillAborted, DrillbookError
from drillbook.model.policy import Policy, Procedure
from drillbook.model.procedures import Entry, changes_data

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

GRACE_SECONDS: Final = 5.0
"""How long a step may take beyond its time, to say itself what it waited for."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a step says of itself: that it was done, not that anything recovered."""

    text: str
    assumed: bool = False
    """A person's step, which nobody took: its documented time is all that is known of it."""


def describe(step: Entry) -> str:
    """``rollout_restart api``, ``scale api to 5``."""
    return " ".join(filter(None, (step.type, step.component, WAYS[step.type].more(step))))


def place(policy: Policy, step: Entry) -> str:
    """Where the runbook says so: ``runbook.txt:279``; the document alone for a step without lines."""
    return f"{policy.document}:{step.span}" if step.span else policy.document


async def run_step(ground: Ground, step: Entry) -> Claim:
    """Do one step within its time. Raises DrillAborted that names the step, its source and what was found."""
    named = f"{describe(step)} ({place(ground.policy, step)})"
    seconds = seconds_of(step)
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            text = await WAYS[step.type].follow(ground, step)
    except TimeoutError:
        raise DrillAborted(f"{named}: expected it to be done within {seconds:g} s, found it still going on") from None
    except DrillbookError as error:
        raise DrillAborted(f"{named}: {error}") from error
    return Claim(text, assumed=step.type == "human")


def permissions(policy: Policy, procedure: Procedure | None) -> tuple[Permission, ...]:
    """What following the procedure needs, and putting back what it changes."""
    steps = procedure.steps if procedure else ()
    followed = [need for step in steps for need in WAYS[step.type].needs(policy, step)]
    return tuple(dict.fromkeys([*followed, *putting_back.needs(expected_changes(policy, procedure))]))


def refuse_data_elsewhere(policy: Policy, procedure: Procedure | None, namespace: str) -> None:
    """Raises ConfigError for a step that can delete data outside of ``namespace``, the drill's blast radius."""
    for step in procedure.steps if procedure else ():
        if not changes_data(step):
            continue
        there = policy.components[step.component].namespace if step.component else namespace
        if there != namespace:
            raise ConfigError(
                f"{describe(step)} ({place(policy, step)}) can delete data in namespace {there}: expected it to stay "
                f"in {namespace}, where this drill breaks something; drill a component of {there} with it"
            )


def expected_changes(policy: Policy, procedure: Procedure | None) -> Mapping[tuple[str, str, str], Collection[str]]:
    """The fields that the procedure changes by what it says, by kind, namespace and name of the object."""
    changes: dict[tuple[str, str, str], set[str]] = {}
    for step in procedure.steps if procedure else ():
        for name, fields in WAYS[step.type].changes(policy, step).items():
            changes.setdefault(name, set()).update(fields)
    return changes


async def put_nodes_back(ground: Ground) -> None:
    """Uncordon what the procedure cordoned and didn't come to uncordon."""
    if ground.cordoned:
        await WAYS["uncordon"].follow(ground, Entry("uncordon", None))
