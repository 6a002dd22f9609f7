"""A contradiction, with both of its sides."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy
from drillbook.model.requirements import Row


@dataclass(frozen=True, slots=True)
class Finding:
    """What can't be true, or can't be of use, together."""

    rule: str
    sentence: str
    sides: tuple[str, ...]
    """What says so: entry, limit, line of the policy and of the runbook."""


def side(objective: Objective) -> str:
    """``api-latency: <= 2 s, policy.yaml:31, runbook.txt:232 (Key Metrics)``."""
    return f"{objective.id}: {objective.limit}, {objective.file}:{objective.line}, {objective.source}"


def place_of(row: Row, objective: Objective, policy: Policy) -> str:
    """A row of a runbook and the entry that answers it: ``scale-up: Manual scale up, == 8, runbook.txt:382 (...)``."""
    stated = f"{row.id}: {row.about}, {row.value}, {policy.document}:{row.span}"
    return f"{stated} (answered by {objective.id}, {objective.file}:{objective.line})"


def found(rule: str, sentence: str, *objectives: Objective) -> Finding:
    """A finding whose sides are objectives."""
    return Finding(rule, sentence, tuple(side(one) for one in objectives))


def bound(objective: Objective, *comparators: str) -> Decimal | None:
    """The number of an objective's limit, in base units, where it compares in one of these ways (none: in any)."""
    limit = objective.limit
    if not isinstance(limit, Limit) or (comparators and limit.comparator not in comparators):
        return None
    return limit.quantity.value


def place(objective: Objective) -> str:
    """What an objective speaks of, for sentences: ``pod.cpu of api``."""
    return f"{objective.indicator} of {objective.component}" if objective.component else objective.indicator
