"""What every fault is: a name, the objects it would touch, how to break them, how it shows, and how to put them back.

Inject and undo stand side by side in one file. An undo works from ``put_back`` alone, a JSON record written down before
the injection, so that another process, or another machine, can do it; it may be called twice, and after an injection
that failed half-way.
"""

# How to write one
#
# 1. Copy noop.py to NAME.py, with ``class Name(Fault)`` and ``name = "the-name"``; add its line to __init__.py.
# 2. Declare ``settings: ClassVar = {"seconds": Setting(60, "how long", low=1, high=600, unit="s")}``. The
#    experiment writes them below ``arguments: {fault: the-name, settings: {seconds: 30}}``; whatever isn't declared, or
#    lies outside of its range, is an error before the drill starts. In the fault they are all in ``aim.settings``.
# 3. ``needs``: every permission that breaking and repairing takes. ``how``: one sentence on the mechanism, said before
#    the drill and in a rehearsal; raise Refused where this cluster or component can't have this fault. Read-only.
# 4. ``candidates``: objects with their UIDs; pods, or a Deployment, a Secret, a Node (namespace "") ... ``pods`` says
#    how many pods a candidate takes along, which the blast radius counts. ``aim.pods`` says how many of them to hit.
# 5. ``put_back``: JSON, enough for another machine, never a secret. What must be secret, or is large, ``inject`` keeps
#    in the cluster before it breaks anything (keeping.py), and the undo reads it there.
# 6. ``inject``: exactly the targets, by UID (objects.py: ``patch_exactly``, ``uid=`` for deletions). It runs in
#    the engine's process, which has no put_back: names of what it leaves must follow from aim and targets.
# 7. ``landed``: independent evidence, seen on the thing itself; ``before`` is what put_back said.
# 8. ``undo``: from put_back alone, safe twice, safe after half an injection, waits until it is back. A process that a
#    fault leaves in a pod ends by itself, too (processes.py).
# 9. ``traces``: the fields that differ afterwards whatever the undo does, as a Deployment's revision number.
# 10. A test on the live sandbox: it lands, the undo puts everything back, twice is safe, half is safe, nothing else.
#
# Shared parts: workloads.py (pods of a workload), objects.py (any object by UID), places.py (where to exec),
# processes.py (long-lived processes in a pod), sql.py (psql in a pod), redis_cli.py, templates.py (pod templates),
# resting.py (a workload whose program doesn't run), keeping.py (kept secrets).

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from drillbook.faults.settings import Setting
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

type PutBack = Mapping[str, Any]
"""JSON: what an undo needs to know. Never a secret."""

type Traces = Mapping[tuple[str, str, str], Collection[str]]
"""By kind, namespace and name of an object: its fields that differ after the fault and its undo."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What an experiment asks for: which component, and how hard."""

    component: Component
    pods: int = 1
    """How many of the candidates to hit, which are pods with most faults; 0 means all of them."""
    grace_seconds: int = 0
    """0 kills at once, as a crash does; more lets the process end by itself first, as a roll-out does."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Every setting that the fault declares; see ``settings.read_settings``."""
    home: str = ""
    """Another namespace than the component's, which is there when that is away; empty where there is none."""

    def __post_init__(self) -> None:
        if self.pods < 0 or self.grace_seconds < 0:
            raise ValueError("pods and grace_seconds can't be negative")


@dataclass(frozen=True, slots=True)
class Target:
    """One object that may be hit, known by its UID: a replacement of the same name is another object."""

    kind: str
    namespace: str
    """Empty for what belongs to no namespace: a Node."""
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object of the component, and whether it may be hit; if not, why not."""

    target: Target
    why_not: str = ""
    pods: int = 1
    """How many pods are hit with it: all of a Deployment's, all of a Node's."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the credentials must allow before anything is touched."""

    to_break: tuple[Permission, ...] = ()
    to_repair: tuple[Permission, ...] = ()


@dataclass(frozen=True, slots=True)
class Landing:
    """What was seen of the fault, from outside."""

    landed: bool
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON values only."""


class Fault(Protocol):
    """One kind of fault; inherit from it. ``drillbook.faults.noop`` is the template."""

    name: str
    about: str
    """What is broken, in one sentence."""
    settings: ClassVar[Mapping[str, Setting]] = {}
    identity: bool = False
    """It concerns a certificate or a password, which are looked at after the recovery: new, served, the old refused."""
    damages: bool = False
    """The data itself is damaged: after the recovery every table of the database must hold what it held before."""
    kills: bool = False
    """The targets' processes die: of a database, a server that was started later must be seen afterwards."""
    breaks: bool = True
    """False: nothing is broken. Its drill needs a routine procedure, which is what is timed and judged then."""
    destroys: bool = False
    """Acknowledged writes are gone by its nature, and only a restore can bring them back."""

    takes_namespace: bool = False
    """It takes the whole namespace away, so that lock and journal must be in another, ``aim.home``."""

    def needs(self, aim: Aim) -> Needs:
        """The permissions to break and to repair."""
        ...

    async def how(self, kube: Kube, aim: Aim) -> str:
        """By which mechanism it would be done here, a sentence. Read-only; raises Refused where it can't be done."""
        ...

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        """Every object that could be hit, with what speaks against each. Read-only."""
        ...

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        """What is there now and must be there again. Read-only."""
        ...

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        """Break exactly ``targets``; returns those that were hit. Raises DrillbookError."""
        ...

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        """Whether it shows on the objects themselves that the fault happened. Read-only; ``before``: from put_back."""
        ...

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        """Put everything back and see that it is; returns what was found and done as a sentence.

        Safe twice, safe if ``inject`` failed. Raises DrillAborted when it isn't back within ``seconds``.
        """
        ...

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        """What differs afterwards although everything is put back: not residue. ``before``: from put_back."""
        return {}
