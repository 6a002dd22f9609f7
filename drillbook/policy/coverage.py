"""How much of a runbook its policy answers: each row counted once, by the strongest way in which it is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drillbook.model.indicators.attested import ATTESTED
from drillbook.model.indicators.aws import AWS
from drillbook.model.policy import Objective, Policy, Procedure
from drillbook.model.requirements import Requirements, Row
from drillbook.model.text_limit import OwedLimit


class Answer(StrEnum):
    """How a row is answered: limits by the first four, procedures by the others; the strongest first."""

    OBSERVED = "observed"
    PARAMETERISED = "parameterised"
    ATTESTED = "attested"
    DRILLED = "drilled"
    STEPS = "steps only"
    """Steps that a machine can follow, and no drill that does."""
    DOCUMENT_ONLY = "document only"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Answered:
    """One row, and by what the policy answers it."""

    row: Row
    answer: Answer
    by: tuple[str, ...] = ()
    """Ids of objectives, procedures or drills."""
    reason: str = ""
    """Why a procedure stays on paper, or why nothing answers."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One system."""

    system: str
    document: str
    limits: tuple[Answered, ...]
    procedures: tuple[Answered, ...]
    without_probe: tuple[str, ...] = ()
    """Objectives with an indicator that no version of Drillbook observes yet."""

    @property
    def missing(self) -> tuple[Answered, ...]:
        return tuple(one for one in (*self.limits, *self.procedures) if one.answer is Answer.MISSING)

    def count(self, answer: Answer) -> int:
        """How many rows are answered in that way."""
        return Counter(one.answer for one in (*self.limits, *self.procedures))[answer]

    @property
    def accounted_for(self) -> int:
        """Limits that are answered in one way or another."""
        return sum(one.answer is not Answer.MISSING for one in self.limits)


def coverage(system: str, requirements: Requirements, policy: Policy | None) -> Coverage:
    """Every row of a runbook against its policy; without a policy, every row is missing."""
    if policy is None:
        nothing = "there is no policy.yaml"
        limits, procedures = (
            tuple(Answered(row, Answer.MISSING, reason=nothing) for row in rows)
            for rows in (requirements.limits, requirements.procedures)
        )
        return Coverage(system, "", limits, procedures)
    answers: dict[str, list[Objective]] = {}
    for objective in policy.objectives:
        for row in objective.covers:
            answers.setdefault(row, []).append(objective)
    return Coverage(
        system=system,
        document=policy.document,
        limits=tuple(_limit(row, answers.get(row.id, [])) for row in requirements.limits),
        procedures=tuple(_procedure(row, policy) for row in requirements.procedures),
        without_probe=tuple(o.id for o in policy.objectives if o.indicator.startswith(AWS)),
    )


def _limit(row: Row, objectives: Sequence[Objective]) -> Answered:
    if not objectives:
        return Answered(row, Answer.MISSING)
    ways = {_way(objective) for objective in objectives}
    strongest = next(way for way in Answer if way in ways)
    return Answered(row, strongest, tuple(o.id for o in objectives))


def _way(objective: Objective) -> Answer:
    if objective.indicator.startswith(ATTESTED):
        return Answer.ATTESTED
    return Answer.PARAMETERISED if isinstance(objective.limit, OwedLimit) else Answer.OBSERVED


def _procedure(row: Row, policy: Policy) -> Answered:
    """Drilled where a drill answers it or follows it, else by its steps, else by the reason why it has none."""
    # What people recover on a game day runs in no sandbox by itself.
    alone = [d for d in policy.drills if d.recovery != "manual"]
    drills = [d.id for d in alone if row.id in d.covers or _follows(d.procedure, row, policy.procedures)]
    if drills:
        return Answered(row, Answer.DRILLED, tuple(drills))
    found = [p for p in policy.procedures.values() if row.id in p.covers]
    if steps := [p.id for p in found if not p.document_only]:
        return Answered(row, Answer.STEPS, tuple(steps))
    if found:
        return Answered(row, Answer.DOCUMENT_ONLY, tuple(p.id for p in found), found[0].document_only)
    return Answered(row, Answer.MISSING)


def _follows(procedure: str | None, row: Row, procedures: Mapping[str, Procedure]) -> bool:
    return procedure is not None and row.id in procedures[procedure].covers
