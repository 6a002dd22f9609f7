"""What every step gets, and what every type of step says of itself: how it is followed, and what that needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError
from drillbook.model.environment import Environment
from drillbook.model.policy import Component, Policy
from drillbook.model.procedures import Entry
from drillbook.model.verdict import Waiver

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Permission

WAIT_SECONDS = 120.0
"""How long a step may take where the runbook gives it no time."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was loaded; times are the monotonic clock's."""

    file: str
    written: float
    """When its file was last written to."""
    at: float
    """When the loading began."""


@dataclass(frozen=True)
class Ground:
    """Where a procedure is followed; one for all its steps."""

    kube: Kube
    policy: Policy
    environment: Environment
    waivers: tuple[Waiver, ...] = ()
    clock: Clock = SYSTEM_CLOCK
    correct: Callable[[], Awaitable[str]] | None = None
    """Takes the fault back, as a person does who finds out what is wrong; None where nothing was broken."""
    cordoned: list[str] = field(default_factory=list)
    """Nodes that a step of this procedure cordoned, and that none has uncordoned since."""
    restored: list[Restored] = field(default_factory=list)
    """The backups that steps of this procedure loaded."""
    printed: list[str] = field(default_factory=list, repr=False)
    """What commands and logs of these steps printed: to look for secrets in, never shown or kept."""

    def component(self, step: Entry) -> Component:
        """The step's component. Raises ConfigError for a step without one."""
        return component_of(self.policy, step)


def component_of(policy: Policy, step: Entry) -> Component:
    """The step's component. Raises ConfigError for a step without one."""
    if step.component is None:
        raise ConfigError(f"a {step.type} step needs a component")
    return policy.components[step.component]


def seconds_of(step: Entry) -> float:
    """How long the step may take."""
    return step.within.total_seconds() if step.within else WAIT_SECONDS


type Changes = Mapping[tuple[str, str, str], Collection[str]]
"""Fields by kind, namespace and name of the object; ``residue.ANY`` where it may also come or go."""


def _nothing(_policy: Policy, _step: Entry) -> Changes:
    return {}


def _no_more(_step: Entry) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Way:
    """How a machine follows one type of step."""

    follow: Callable[[Ground, Entry], Awaitable[str]]
    """Does it, and returns what it claims as a sentence. Raises DrillbookError where it can't be done."""
    needs: Callable[[Policy, Entry], tuple[Permission, ...]]
    """What the credentials must allow: asked of the cluster before anything is touched."""
    more: Callable[[Entry], str] = _no_more
    """What its description says after type and component: ``to 5``."""
    changes: Callable[[Policy, Entry], Changes] = _nothing
    """The fields that it changes by what it says."""
