"""How the recovery of each drill is broken: a procedure with other steps, followed like any other.

A drill has one automatic plant, and one by hand where ``broken.yaml`` has it:

- *claims*: every step does nothing and says success. For whatever the procedure is needed for.
- *healer*: the platform is kept from healing, with an ordinary ``scale`` to zero after the fault. For recoveries that
  nobody has to do anything for; the fault's own undo, or the proof, puts the replicas back.
- *meddles*: the procedure is followed, and then leaves a mark on an object that it says nothing of. For routine
  procedures after which nothing is different, so that one which does nothing can't be told from one which works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from drillbook.drills.recovery import describe, expected_changes
from drillbook.drills.residue import ANY
from drillbook.drills.steps.workloads import KINDS
from drillbook.model.drill import Failing
from drillbook.model.policy import DrillPlan, Policy, Procedure
from drillbook.model.procedures import Entry
from drillbook.proof.drills.broken import Broken, Way

NOTHING: Final = "noop"
"""The experiment that breaks nothing: its procedure is a routine."""
_TELLING: Final = frozenset(
    {"pods_replaced", "backup_taken", "cert_serial_changed", "credentials_cut_over", "keys_gone"}
)
"""Post-conditions that only hold after a procedure which really did something."""
_ANY: Final = frozenset(Failing) - {Failing.UNDO, Failing.LATE_STEP, Failing.ALERT}
_WANTED: Final[Mapping[Way, frozenset[Failing]]] = {
    Way.CLAIMS: _ANY - {Failing.CHANGED},
    Way.HEALER: frozenset({Failing.NOT_RECOVERED}),
    Way.MEDDLES: frozenset({Failing.CHANGED}),
}
"""What a drill must fail of."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One broken recovery of one drill."""

    name: str
    """Beside the drill's id: ``claims``."""
    planted: str
    """What is broken, for people."""
    procedure: Procedure
    wanted: frozenset[Failing]
    """What the drill must fail of: any of them."""
    because: str = ""
    """What the sentence on it must hold."""


def plants_of(policy: Policy, plan: DrillPlan, broken: Broken | None) -> Iterator[Plant]:
    """One or two."""
    procedure = policy.procedures[plan.procedure] if plan.procedure else None
    yield _automatic(policy, plan, procedure, (broken.way if broken else None) or automatic(plan, procedure))
    if broken and broken.replace and procedure:
        steps = dict(enumerate(procedure.steps, start=1)) | dict(broken.replace)
        made = replace(procedure, steps=tuple(steps.values()))
        yield Plant("by hand", broken.planted, made, _ANY, broken.because)


def automatic(plan: DrillPlan, procedure: Procedure | None) -> Way:
    """The usual way to break it."""
    if procedure is None:
        return Way.HEALER
    if plan.experiment == NOTHING and not any(one.type in _TELLING for one in procedure.then):
        return Way.MEDDLES
    return Way.CLAIMS


def _automatic(policy: Policy, plan: DrillPlan, procedure: Procedure | None, way: Way) -> Plant:
    base = procedure or Procedure(f"{plan.id}-{way}", plan.source, (), None, ())
    match way:
        case Way.CLAIMS:
            steps = tuple(_claimed(step) for step in base.steps)
            planted = f"{_counted(len(steps))} of {base.id} done by nobody, and each says success"
        case Way.HEALER:
            last = Entry("scale", plan.component, {"replicas": 0})
            steps, planted = (*base.steps, last), f"{plan.component} is scaled to zero, so nothing can heal"
        case Way.MEDDLES:
            marked = _left_alone(policy, plan, base)
            steps = (*base.steps, Entry("meddle", marked))
            planted = f"{base.id}, and a mark on {marked} that it doesn't speak of"
    return Plant(str(way), planted, replace(base, steps=steps), _WANTED[way])


def _left_alone(policy: Policy, plan: DrillPlan, procedure: Procedure) -> str:
    """The drill's own component, unless the procedure writes its whole workload: then one that it leaves alone."""
    changed = expected_changes(policy, procedure)
    others = sorted(policy.components.values(), key=lambda one: one.id != plan.component)
    for one in others:
        workload = one.workload
        if workload and ANY not in changed.get((KINDS.get(workload.kind, ""), one.namespace, workload.name), ()):
            return one.id
    return plan.component


def _claimed(step: Entry) -> Entry:
    return Entry("claim", None, {"instead_of": describe(step)}, step.lines)


def _counted(steps: int) -> str:
    return "the one step" if steps == 1 else f"all {steps} steps"


def hurried(procedure: Procedure, seconds: float) -> Procedure:
    """The same, with no step longer than ``seconds``: nobody waits an hour for a roll-out that was planted to hang.

    The time that people take for their steps counts as nothing: it is given in neither run.
    """
    most = timedelta(seconds=seconds)

    def hurry(step: Entry) -> Entry:
        if step.type == "human":
            return replace(step, within=None)
        return replace(step, within=most if step.within is None else min(step.within, most))

    return replace(procedure, steps=tuple(hurry(step) for step in procedure.steps))
