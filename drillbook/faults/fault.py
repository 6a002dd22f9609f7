"""What every fault is: a name, the objects it would touch, how to break them, how it shows, and how to put them back.

Inject and undo stand side by side in one file. An undo works from ``put_back`` alone, a JSON record written down before
the injection, so that another process, or another machine, can do it; it may be called twice, and after an injection
that failed half-way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

type PutBack = Mapping[str, Any]
"""JSON: what an undo needs to know. Never a secret."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What an experiment asks for: which component, and how hard."""

    component: Component
    pods: int = 1
    """How many of the component's pods to hit; 0 means all of them."""
    grace_seconds: int = 0
    """0 kills at once, as a crash does; more lets the process end by itself first, as a roll-out does."""

    def __post_init__(self) -> None:
        if self.pods < 0 or self.grace_seconds < 0:
            raise ValueError("pods and grace_seconds can't be negative")


@dataclass(frozen=True, slots=True)
class Target:
    """One object that may be hit, known by its UID: a replacement of the same name is another object."""

    kind: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object of the component, and whether it may be hit; if not, why not."""

    target: Target
    why_not: str = ""


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
    """One kind of fault. ``drillbook.faults.noop`` is the template."""

    name: str

    def needs(self, aim: Aim) -> Needs:
        """The permissions to break and to repair."""
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

    async def landed(self, kube: Kube, targets: Sequence[Target]) -> Landing:
        """Whether it shows on the objects themselves that the fault happened. Read-only."""
        ...

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        """Put everything back and see that it is; returns what was found and done as a sentence.

        Safe twice, safe if ``inject`` failed. Raises DrillAborted when it isn't back within ``seconds``.
        """
        ...
