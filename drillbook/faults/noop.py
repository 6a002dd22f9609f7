"""The fault that does nothing: the template for others, and what carries a routine procedure that mends nothing.

Without a procedure there is nothing to judge, and a drill of it must call itself inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube


class Noop(Fault):
    """Touches nothing, so nothing can be seen of it."""

    name = "noop"
    about = "Nothing is broken."
    breaks = False

    def needs(self, aim: Aim) -> Needs:
        return Needs()

    async def how(self, kube: Kube, aim: Aim) -> str:
        return "nothing is touched"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        workload = aim.component.workload
        name = str(workload) if workload else aim.component.id
        return (Candidate(Target("Nothing", aim.component.namespace, name, ""), pods=0),)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return {}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        return Landing(False, {"fault": "noop changes nothing, so there is nothing to see"})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        return "nothing was changed"
