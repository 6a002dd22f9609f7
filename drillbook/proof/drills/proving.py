"""What became of one drill whose recovery was broken: two runs in, one Proof out; pure.

The proof is the same as a check's: the drill as documented first, then with its recovery broken, in one sandbox. It
may wait for a broken recovery only as long as it must: a time is given for both runs (``drill_times``) that the first
one was seen to keep, twice as long as that took and five seconds more, so that a slower machine doesn't fail of the
time alone. So the second run can say that the system did *not* recover in time, rather than that nobody waited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from drillbook.drills.plan import Order
from drillbook.judge.recovery import time_words
from drillbook.judge.steps import assumed_seconds
from drillbook.model.drill import DrillResult, Violation
from drillbook.model.environment import GivenTime
from drillbook.model.policy import DrillPlan
from drillbook.model.proof import Proof, ProofStatus
from drillbook.model.verdict import Status
from drillbook.proof.drills.plants import Plant, hurried

SHORTEST: Final = 10.0
TIMES: Final = 2.0
MORE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a drill: its result, or why there is none."""

    result: DrillResult | None
    problem: str = ""

    @property
    def status(self) -> Status:
        return self.result.status if self.result else Status.INCONCLUSIVE

    @property
    def reason(self) -> str:
        return self.result.reason if self.result else self.problem


def given_seconds(healthy: Ran) -> float:
    """The time that both runs are given, from what the first one took without what people are given for their steps.

    The shortest where it never recovered.
    """
    result = healthy.result
    if result is None or result.recovery is None:
        return SHORTEST
    given = max(SHORTEST, TIMES * (result.recovery.upper - assumed_seconds(result.timeline)) + MORE)
    return given if result.limit_seconds is None else min(given, result.limit_seconds)


def planted(order: Order, plant: Plant, seconds: float) -> Order:
    """The drill with the broken procedure, and so much time for it."""
    made = hurried(replace(plant.procedure, id=f"{plant.procedure.id}-{slug(plant)}"), seconds)
    given = GivenTime(timedelta(seconds=seconds), "for a proof, which the drill as documented keeps", 1)
    policy = replace(order.policy, procedures={**order.policy.procedures, made.id: made})
    plan = replace(order.plan, recovery="procedure", procedure=made.id)
    times = {**order.environment.drill_times, plan.id: given}
    environment = replace(order.environment, drill_times=times)
    return named(replace(order, policy=policy, environment=environment, plan=plan), slug(plant))


def named(order: Order, word: str) -> Order:
    """Another name for the drill, by which its files and its undo are known; a time given for it comes along."""
    name, times = f"{order.plan.id}-{word}", order.environment.drill_times
    known = {name: times[order.plan.id]} if order.plan.id in times else {}
    environment = replace(order.environment, drill_times={**times, **known})
    return replace(order, environment=environment, plan=replace(order.plan, id=name))


def slug(plant: Plant) -> str:
    """The plant's name as ids have it."""
    return plant.name.replace(" ", "-")


def proof_of(system: str, plan: DrillPlan, plant: Plant, seconds: float, healthy: Ran, broken: Ran) -> Proof:
    """Proven only where the broken recovery made the drill fail, and of what was planted."""
    status, reason, seen = _judged(plant, healthy, broken)
    return Proof(
        id=f"{system}/{plan.id} {plant.name}",
        status=status,
        reason=reason,
        limit=f"in {time_words(seconds)}",
        where=plant.planted,
        about="drill",
        detected_seconds=round(broken.result.took_seconds, 1) if broken.result else None,
        seen=seen,
        unplanted="" if healthy.status is Status.PASS else f"{healthy.status}: {healthy.reason}",
    )


def _judged(plant: Plant, healthy: Ran, broken: Ran) -> tuple[ProofStatus, str, str]:
    """Status, sentence, and of what the drill failed in a word or two where that is a proof."""
    if healthy.status is Status.INCONCLUSIVE:
        return ProofStatus.UNPROVEN, f"inconclusive with nothing planted: {healthy.reason}", ""
    if broken.result is None:
        return ProofStatus.UNPROVEN, f"it could not be drilled with the broken recovery: {broken.reason}", ""
    if broken.status is not Status.FAIL:
        return ProofStatus.UNDETECTED, f"planted, and the drill was {broken.status}: {broken.reason}", ""
    if found := _planted_one(plant, broken.result):
        return ProofStatus.PROVEN, found.reason, found.of
    wanted = repr(plant.because) if plant.because else " or ".join(sorted(plant.wanted))
    of = " and ".join(sorted({one.of for one in broken.result.violations}))
    return ProofStatus.UNPROVEN, f"it failed of {of}, where {wanted} was planted: {broken.reason}", ""


def _planted_one(plant: Plant, result: DrillResult) -> Violation | None:
    """The worst that can be of what was planted; the drill may have failed of more than that."""
    fitting = (one for one in result.violations if one.of in plant.wanted and plant.because in one.reason)
    return next(fitting, None)


def not_back(proof: Proof, why: str) -> Proof:
    """The same proof, of a sandbox that isn't what it was afterwards."""
    if proof.status is not ProofStatus.PROVEN:
        return replace(proof, reason=f"{proof.reason}; {why}")
    return replace(proof, status=ProofStatus.NOT_BACK, reason=why)
