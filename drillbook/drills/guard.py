"""The guard: everything that must be known to be all right before anything is broken.

It fails closed: whatever goes wrong while it looks is a refusal too, because a doubt is a refusal. Every refusal begins
``not injecting:``. All of it is read-only.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from drillbook import places
from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.drills.blast_radius import Choice, Radius, choose
from drillbook.drills.disruption import budgets_allow
from drillbook.drills.interrupted import nothing_unfinished
from drillbook.drills.lock import drill_lock
from drillbook.drills.outlasting import lock_outlasts
from drillbook.drills.permits import own_needs, permitted
from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Fault
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Policy
from drillbook.model.verdict import Status, Verdict
from drillbook.model.window import why_closed

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
    production: bool = False
    """Somebody has said that production is meant, and not only which system."""
    lasts_seconds: float = 0.0
    """How long the drill may take at most, from now to the end of its undo."""
    repairs: tuple[Permission, ...] = ()
    """What the documented procedure needs beside the fault's own undo."""
    looks: tuple[Permission, ...] = ()
    """What it takes to see what must be true after it."""

    @property
    def home(self) -> str:
        """Where the journal is: the drilled namespace, or another one where the fault takes that away."""
        return self.aim.home if self.fault.takes_namespace else self.aim.component.namespace

    @property
    def journals(self) -> tuple[str, ...]:
        """Every namespace in which a drill of this system may have left its journal."""
        return tuple(dict.fromkeys(filter(None, (self.home, *self.policy.namespaces, self.aim.home))))


@dataclass(frozen=True, slots=True)
class Clearance:
    """The guard's yes: what was looked at, and what would be hit."""

    choice: Choice
    looked_at: tuple[str, ...]
    """A sentence for each thing that was found all right."""


async def clear(kube: Kube, intent: Intent, clock: Clock = SYSTEM_CLOCK) -> Clearance:
    """Look at everything. Raises Refused, also for whatever fails on the way."""

    async def time_is_right(_kube: Kube, intent: Intent) -> str:
        return windows_allow(intent, clock)

    async def nobody_else_drills(kube: Kube, intent: Intent) -> str:
        await drill_lock(intent.aim.component.namespace, intent.home, "", clock).see_free(kube)
        return "no other drill holds the lock"

    async def nothing_left_to_undo(kube: Kube, intent: Intent) -> str:
        return await nothing_unfinished(kube, intent.journals, _recovering(intent), clock)

    looks: tuple[Callable[[Kube, Intent], Awaitable[str]], ...] = (
        environment_allows,
        time_is_right,
        cluster_is_the_right_one,
        namespace_opted_in,
        lock_outlasts,
        permissions_suffice,
        nobody_else_drills,
        nothing_left_to_undo,
        fault_has_a_way,
    )
    try:
        sentences = [await look(kube, intent) for look in looks]
        choice, budgets = await choose_now(kube, intent)
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"the guard itself could not look: {error or type(error).__name__}") from error
    return Clearance(choice, (*sentences, f"blast radius ({_radius(intent)}): {choice}", budgets))


def _recovering(intent: Intent) -> str:
    """The command that finishes an undo here."""
    environment = intent.environment
    sandbox = f" --sandbox {environment.sandbox}" if environment.sandbox else ""
    return f"drillbook recover --system {intent.policy.system} -e {environment.name}{sandbox}"


async def fault_has_a_way(kube: Kube, intent: Intent) -> str:
    """The fault says by which mechanism it would be done here. Raises Refused where it can't be."""
    return f"{intent.fault.name}: {await intent.fault.how(kube, intent.aim)}"


async def choose_now(kube: Kube, intent: Intent) -> tuple[Choice, str]:
    """What would be hit if it happened now: asked by the guard, and again at the moment of injection. Raises Refused.

    The second value says what the disruption budgets allow.
    """
    candidates = await intent.fault.candidates(kube, intent.aim)
    choice = choose(candidates, intent.aim, _radius(intent))
    if not intent.radius.within_budgets:
        return choice, "disruption budgets are not asked: the experiment is meant to break them"
    hit = [candidate for candidate in candidates if candidate.target in choice.chosen]
    return choice, await budgets_allow(kube, intent.aim.component, hit)


def _radius(intent: Intent) -> Radius:
    environment = intent.environment
    return intent.radius.within(environment.most_pods, environment.most_percent, str(environment.path))


async def environment_allows(_kube: Kube, intent: Intent) -> str:
    """Sandboxes always; anything else only where its file says so and a person named the system.

    Production wants to be named as such too.
    """
    environment = intent.environment
    if environment.environment_class is EnvironmentClass.SANDBOX:
        return f"environment {environment.name} is a sandbox"
    if not environment.drills_allowed:
        raise Refused(
            f"environment {environment.name} does not allow drills: {environment.path} would say drills: allowed"
        )
    kind, system = environment.environment_class, intent.policy.system
    if kind is EnvironmentClass.PRODUCTION and not intent.production:
        raise Refused(f"environment {environment.name} is production, and --production was not said")
    if not intent.confirmed:
        raise Refused(
            f"environment {environment.name} is {kind} and nobody confirmed: name the system with --confirm {system}"
        )
    return f"environment {environment.name} ({kind}) allows drills, and somebody confirmed"


def windows_allow(intent: Intent, clock: Clock) -> str:
    """The windows of the environment, and of the runbook where people depend on it; from now to the drill's end."""
    environment = intent.environment
    own = () if environment.environment_class is EnvironmentClass.SANDBOX else intent.policy.windows
    windows, now = (*own, *environment.windows), clock.now()
    if problem := why_closed(windows, now, now + timedelta(seconds=intent.lasts_seconds)):
        raise Refused(problem)
    return f"{len(windows)} windows allow it now" if windows else "no window says when drills are allowed"


async def cluster_is_the_right_one(kube: Kube, intent: Intent) -> str:
    """By the UID of namespace kube-system: a context's name, or an address, can point anywhere."""
    expected = expected_cluster(intent.environment)
    found = await kube.cluster_uid()
    if found != expected:
        raise Refused(
            f"this is another cluster than the one of environment {intent.environment.name}: expected UID {expected} "
            f"of namespace kube-system, found {found} at {kube.server}; {_which_cluster(intent.environment)}"
        )
    return f"the cluster at {kube.server} has UID {found}, as expected"


def _which_cluster(environment: Environment) -> str:
    if environment.cluster_uid:
        return f"correct the kubeconfig and context, or cluster.uid, in {environment.path}"
    return "see `drillbook sandbox status`: it may have been started anew since"


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
            f"namespace {namespace} is not one of the system's: expected one of "
            f"{', '.join(sorted(intent.radius.namespaces))}; drill another component, or add the namespace to "
            f"`namespaces` of {intent.policy.path}"
        )
    key, value = OPT_IN
    found = await kube.get(path_of("namespaces", name=namespace))
    if "deletionTimestamp" in found["metadata"]:
        raise Refused(
            f"namespace {namespace} is being deleted: wait until it is gone and made again; "
            f"`kubectl get namespace {namespace} -o yaml` says what still holds it"
        )
    labels = found["metadata"].get("labels") or {}
    if labels.get(key) != value:
        raise Refused(
            f"namespace {namespace} has not opted in: expected the label {key}={value}, "
            f"found {labels.get(key, 'none')}; its owners set it with "
            f"`kubectl label namespace {namespace} {key}={value}`"
        )
    return f"namespace {namespace} is labelled {key}={value}"


async def permissions_suffice(kube: Kube, intent: Intent) -> str:
    """Every verb that breaks, every verb that repairs, and what the drill itself needs."""
    needs = intent.fault.needs(intent.aim)
    repair = tuple(dict.fromkeys([*needs.to_repair, *intent.repairs]))
    own = own_needs(intent.home, intent.journals)
    after = {"see what must be true after the procedure": intent.looks}
    return await permitted(kube, {"break": needs.to_break, "repair": repair, **after, **own})


def objectives_hold(verdicts: Sequence[Verdict]) -> str:
    """The system's own objectives, before the fault: whoever is down already is not drilled. Raises Refused."""
    if not verdicts:
        raise Refused("the policy has no objectives, so nobody could tell whether the system is well")
    for verdict in sorted(verdicts, key=lambda v: v.status is not Status.FAIL):
        if verdict.status is Status.FAIL:
            raise Refused(f"{verdict.id} fails already: {verdict.reason}")
        if verdict.status is Status.INCONCLUSIVE:
            raise Refused(f"nobody can tell whether {verdict.id} holds: {verdict.reason}")
    if all(verdict.status is Status.WAIVED for verdict in verdicts):
        raise Refused(f"all {len(verdicts)} objectives are waived, so nobody could tell whether the system is well")
    return f"all {len(verdicts)} objectives hold"
