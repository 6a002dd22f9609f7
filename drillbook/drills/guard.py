"""The guard: everything that must be known to be all right before anything is broken.

It fails closed: whatever goes wrong while it looks is a refusal too, because a doubt is a refusal. Every refusal begins
``not injecting:``. All of it is read-only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from drillbook import places
from drillbook.drills.blast_radius import Choice, Radius, choose
from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Fault
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Policy
from drillbook.model.verdict import Status, Verdict

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

OPT_IN: Final = ("drillbook.dev/drills", "allowed")
"""The label that a namespace carries when its owners allow drills in it."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done, and where."""

    policy: Policy
    environment: Environment
    fault: Fault
    aim: Aim
    radius: Radius
    confirmed: bool = False
    """A person (or a flag that a person set) has named the system that is to be drilled."""
    repairs: tuple[Permission, ...] = ()
    """What the documented procedure needs beside the fault's own undo."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """The guard's yes: what was looked at, and what would be hit."""

    choice: Choice
    looked_at: tuple[str, ...]
    """A sentence for each thing that was found all right."""


async def clear(kube: Kube, intent: Intent) -> Clearance:
    """Look at everything. Raises Refused, also for whatever fails on the way."""
    looks: tuple[Callable[[Kube, Intent], Awaitable[str]], ...] = (
        environment_allows,
        cluster_is_the_right_one,
        namespace_opted_in,
        permissions_suffice,
    )
    try:
        sentences = [await look(kube, intent) for look in looks]
        choice = choose(await intent.fault.candidates(kube, intent.aim), intent.aim, intent.radius)
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"the guard itself could not look: {error or type(error).__name__}") from error
    return Clearance(choice, (*sentences, f"blast radius ({intent.radius}): {choice}"))


async def environment_allows(_kube: Kube, intent: Intent) -> str:
    """Sandboxes always; anything else only where its file says so, and production only when somebody confirmed."""
    environment = intent.environment
    if environment.environment_class is EnvironmentClass.SANDBOX:
        return f"environment {environment.name} is a sandbox"
    if not environment.drills_allowed:
        raise Refused(
            f"environment {environment.name} does not allow drills: {environment.path} would say drills: allowed"
        )
    if environment.environment_class is EnvironmentClass.PRODUCTION and not intent.confirmed:
        raise Refused(
            f"environment {environment.name} is production and nobody confirmed: name the system, or use --yes"
        )
    return f"environment {environment.name} ({environment.environment_class}) allows drills"


async def cluster_is_the_right_one(kube: Kube, intent: Intent) -> str:
    """By the UID of namespace kube-system: a context's name, or an address, can point anywhere."""
    expected = expected_cluster(intent.environment)
    found = await kube.cluster_uid()
    if found != expected:
        raise Refused(
            f"this is another cluster than the one of environment {intent.environment.name}: expected UID {expected} "
            f"of namespace kube-system, found {found} at {kube.server}"
        )
    return f"the cluster at {kube.server} has UID {found}, as expected"


def expected_cluster(environment: Environment) -> str:
    """The UID that the environment, or its sandbox's state, names. Raises Refused where neither does."""
    if environment.cluster_uid:
        return environment.cluster_uid
    if environment.environment_class is not EnvironmentClass.SANDBOX:
        raise Refused(f"{environment.path} does not say which cluster it is: write the UID of kube-system there")
    from drillbook.clients.access import sandbox_name

    state = places.sandbox_dir(sandbox_name(environment)) / "sandbox.json"
    try:
        return str(json.loads(state.read_text())["cluster_uid"])
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"the sandbox's state {state} does not say its cluster's UID: {error}") from error


async def namespace_opted_in(kube: Kube, intent: Intent) -> str:
    """The namespace itself carries the label, and is one of the policy's."""
    from drillbook.clients.kube import path_of

    namespace = intent.aim.component.namespace
    if namespace not in intent.radius.namespaces:
        raise Refused(
            f"namespace {namespace} is not one of the system's: {', '.join(sorted(intent.radius.namespaces))}"
        )
    key, value = OPT_IN
    found = await kube.get(path_of("namespaces", name=namespace))
    labels = found["metadata"].get("labels") or {}
    if labels.get(key) != value:
        raise Refused(
            f"namespace {namespace} has not opted in: expected the label {key}={value}, "
            f"found {labels.get(key, 'none')}; its owners set it with "
            f"`kubectl label namespace {namespace} {key}={value}`"
        )
    return f"namespace {namespace} is labelled {key}={value}"


async def permissions_suffice(kube: Kube, intent: Intent) -> str:
    """Every verb that breaks, and every verb that repairs: who may break and not repair must not begin."""
    needs = intent.fault.needs(intent.aim)
    own = _own_needs(intent.aim.component.namespace)
    wanted = {
        "break": needs.to_break,
        "repair": tuple(dict.fromkeys([*needs.to_repair, *intent.repairs])),
        "lock and journal": own,
    }
    for purpose, permissions in wanted.items():
        answers = await asyncio.gather(*(kube.allowed(permission) for permission in permissions))
        refused = [str(p) for p, allowed in zip(permissions, answers, strict=True) if not allowed]
        if refused:
            raise Refused(f"these credentials may not {', '.join(refused)}, which the drill needs to {purpose}")
    return f"all {sum(map(len, wanted.values()))} permissions to break and to repair are there"


def _own_needs(namespace: str) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    leases = [
        Permission(verb, "leases", "coordination.k8s.io", namespace) for verb in ("get", "create", "update", "delete")
    ]
    maps = [Permission(verb, "configmaps", "", namespace) for verb in ("create", "delete")]
    return (*leases, *maps)


def objectives_hold(verdicts: Sequence[Verdict]) -> str:
    """The system's own objectives, before the fault: whoever is down already is not drilled. Raises Refused."""
    if not verdicts:
        raise Refused("the policy has no objectives, so nobody could tell whether the system is well")
    for verdict in sorted(verdicts, key=lambda v: v.status is not Status.FAIL):
        if verdict.status is Status.FAIL:
            raise Refused(f"{verdict.id} fails already: {verdict.reason}")
        if verdict.status is Status.INCONCLUSIVE:
            raise Refused(f"nobody can tell whether {verdict.id} holds: {verdict.reason}")
    return f"all {len(verdicts)} objectives hold"
