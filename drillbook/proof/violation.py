"""A violation: how the live sandbox is broken so that one objective fails, and how it is put back.

One small object per indicator, in ``violations/``. The template::

    @asynccontextmanager
    async def too_few(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
        async with stage.changed(path, {"spec": {"replicas": 1}}):
            yield Planted("spec.replicas of deployment/api", stage.asking("rollout.incomplete"))

    VIOLATIONS = (Violation("workload.desired_replicas", too_few),)

``plant`` returns once the violation is really there (a pod is really gone, memory is really held), not when it was
asked for; it need not wait for the check to see it, which the proof does. Leaving the context puts everything back,
whatever ended the body: an exception, a cancellation, Ctrl-C. The same function serves every objective of its
indicator, so it takes what it breaks from the objective's component, parameters and limit, never from a system's name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from drillbook.errors import DrillbookError, ExitCode
from drillbook.model.policy import Objective
from drillbook.proof.stage import Stage


class Unplantable(DrillbookError):
    """This objective can't be violated here by this violation; the sentence says why. It stays unproven."""

    exit_code = ExitCode.VIOLATION


@dataclass(frozen=True, slots=True)
class Planted:
    """A violation that is in place."""

    where: str
    """What was broken, for people: ``spec.replicas of deployment/api: 3 to 1``."""
    implies: frozenset[str] = frozenset()
    """Ids of the other objectives that may fail of it, because they look at what was broken too (``Stage.asking``).
    Those of the same indicator, component and parameters with another limit are known anyway."""
    inconclusive_counts: bool = False
    """Whether an inconclusive verdict detects it too: only where the violation takes away what would be looked at."""


type Plant = Callable[[Stage, Objective], AbstractAsyncContextManager[Planted]]


@dataclass(frozen=True, slots=True)
class Violation:
    """How objectives of one indicator are violated. ``indicator`` may name a source: ``database.up/exec``."""

    indicator: str
    plant: Plant
    within: float = 30.0
    """Seconds that the check may need to see it, and again to see it gone: what is averaged or counted moves slowly."""
