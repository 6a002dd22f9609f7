"""Post-conditions, written as a policy writes them, seen in a running Solar around steps that are followed there."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

import yaml

from drillbook.clients.access import authority_of
from drillbook.clients.http import HttpClient, open_http
from drillbook.clients.kube import Kube
from drillbook.clients.reach import http_endpoint
from drillbook.drills.afterwards.conditions import Conditions
from drillbook.drills.afterwards.occasion import Occasion
from drillbook.drills.recovery import describe, run_step
from drillbook.drills.residue import residue, take
from drillbook.drills.signals import entrance
from drillbook.drills.steps.ground import Ground
from drillbook.model.drill import PostCondition
from drillbook.model.policy import Policy, Procedure, Source
from drillbook.model.procedures import Entry
from drillbook.model.timeline import Event, EventKind, Timeline
from drillbook.policy.entries import Known, read_afterwards
from drillbook.policy.problems import Problems
from drillbook.policy.section import section
from tests.drills.conftest import Solar
from tests.drills.following import steps as read_steps_of

type Act = Callable[[Kube], Awaitable[None]]


async def _nothing(_kube: Kube) -> None:
    """Breaks nothing."""


def conditions(policy: Policy, *texts: str, steps: int) -> tuple[Entry, ...]:
    """Post-conditions as a policy would have them; raises ConfigError for what it couldn't say."""
    problems = Problems("then")
    node = yaml.compose(f"then: [{', '.join(texts)}]", yaml.SafeLoader)
    assert node is not None
    top = section(node, "", problems, ())
    assert top is not None
    known = Known(policy.components, [o.id for o in policy.objectives], policy.path.parent)
    found = read_afterwards(top, known, steps)
    problems.settle()
    return found


def witness(
    system: Solar, then: str, *steps: str, fault: Act = _nothing, landed: bool = True, follow: bool = True
) -> PostCondition:
    """What one post-condition comes to when ``fault`` happens and then the steps are followed, if they are at all."""
    policy = system.policy
    entries = read_steps_of(policy, *steps) if steps else ()
    procedure = Procedure("tried", Source("runbook.txt", "Tried", (1, 9)), (), None, entries,
                          conditions(policy, then, steps=len(entries)))  # fmt: skip

    async def seen(kube: Kube) -> PostCondition:
        door, _, _ = entrance(policy)
        endpoint = await http_endpoint(kube.itself, system.environment, door)
        async with open_http(endpoint, ca=authority_of(system.environment, door.id), timeout=2.0) as http:
            return await _around(kube, system, procedure, http, fault, landed, follow)

    return system.on_kube(seen)


async def _around(
    kube: Kube, system: Solar, procedure: Procedure, http: HttpClient, fault: Act, landed: bool, follow: bool
) -> PostCondition:
    origin, events, printed = time.monotonic(), list[Event](), []
    ours = system.policy.namespaces
    ground, before = Ground(kube, system.policy, system.environment), await take(kube, ours)

    def now() -> float:
        return time.monotonic() - origin

    async def drift() -> tuple[str, ...]:
        return residue(before, await take(kube, ours), ours)

    async def still() -> bool:
        return False

    line = partial(Timeline, samples=(), interval_seconds={})
    occasion = Occasion(
        ground, procedure, f"test-{origin}:", True, http, now, lambda: line(events=tuple(events)), drift, still
    )
    occasion.settle_seconds = 3.0
    seen = Conditions(occasion)
    await seen.prepare()
    await fault(kube)
    occasion.landed, followed = landed, Ground(kube, system.policy, system.environment)
    await seen.begin()
    occasion.begun = now()
    for step in procedure.steps if follow else ():
        begun, earlier = now(), len(followed.printed)
        await run_step(followed, step)
        events.append(Event(EventKind.STEP, now(), describe(step), {"begun": begun, "type": step.type}))
        printed.append((describe(step), tuple(followed.printed[earlier:])))
    occasion.ended, occasion.printed = now(), tuple(printed)
    (found,) = await seen.look()
    return found
