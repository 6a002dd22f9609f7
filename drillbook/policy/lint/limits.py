"""One thing, two limits: values that can't both be right, and one alert level stated twice in different ways."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy, Severity
from drillbook.model.text_limit import TextLimit
from drillbook.policy.lint.finding import Finding, found, place

_ASIDE: Final = frozenset({"attests", "requests", "rate", "samples"})
"""Parameters that say how to look and not at what."""
_SEVEREST_FIRST: Final = tuple(Severity)


def differing(policy: Policy, natures: Mapping[str, str]) -> Sequence[Finding]:
    """Pairs of objectives on the same thing whose limits don't go together; ``natures`` by objective."""
    groups: dict[Hashable, list[Objective]] = {}
    for objective in policy.objectives:
        groups.setdefault(_subject(objective), []).append(objective)
    pairs = (pair for group in groups.values() for pair in combinations(group, 2))
    return [finding for one, other in pairs if (finding := _conflict(one, other, natures))]


def _subject(objective: Objective) -> Hashable:
    """What two objectives have in common when they speak of one thing; an attested one without a subject is alone."""
    said = {name: value for name, value in objective.parameters.items() if name not in _ASIDE}
    alone = objective.id if "subject" in said and said["subject"] is None else ""
    return objective.indicator, objective.component, tuple(sorted((n, str(v)) for n, v in said.items())), alone


def _conflict(one: Objective, other: Objective, natures: Mapping[str, str]) -> Finding | None:
    a, b = one.limit, other.limit
    if isinstance(a, TextLimit) and isinstance(b, TextLimit):
        if _texts_go_together(a, b):
            return None
    elif not isinstance(a, Limit) or not isinstance(b, Limit) or a.dimension is not b.dimension:
        return None
    elif _hold_together(a, b):
        return _levels(*((one, other) if _inside(a, b) else (other, one)), natures)
    return found("different limits", f"{place(one)} can't be both {a} and {b}", one, other)


def _texts_go_together(a: TextLimit, b: TextLimit) -> bool:
    """Whether a text that one names exactly is good to the other; two patterns are not compared."""
    exact = [(x.wanted, y) for x, y in ((a, b), (b, a)) if x.comparator == "=="]
    return all(limit.holds_for(text) for text, limit in exact)


def _hold_together(a: Limit, b: Limit) -> bool:
    """Whether any value is good to both: only the two bounds and what lies between and beyond them can differ."""
    low, high = sorted((a.quantity.value, b.quantity.value))
    beyond = abs(high) + 1
    return any(a.holds_at(x) and b.holds_at(x) for x in (low - beyond, low, (low + high) / 2, high, high + beyond))


def _levels(strict: Objective, loose: Objective, natures: Mapping[str, str]) -> Finding | None:
    """Two bounds on one side, of which one lies inside the other.

    A mild level before a severe one is meant so, and so is a target inside its alert. The same said twice with
    different numbers is not, nor is an alert that fires while the target still holds.
    """
    a, b = strict.limit, loose.limit
    if not isinstance(a, Limit) or not isinstance(b, Limit) or a.comparator[0] not in "<>":
        return None
    if a.comparator[0] != b.comparator[0] or a.quantity == b.quantity:
        return None
    kinds = natures.get(strict.id), natures.get(loose.id)
    if kinds == ("alert", "target"):
        sentence = f"{place(strict)}: the alert's limit {a} is broken while the target {b} still holds"
        return found("different limits", sentence, strict, loose)
    mild_first = _SEVEREST_FIRST.index(strict.severity) > _SEVEREST_FIRST.index(loose.severity)
    if kinds[0] != kinds[1] or mild_first:
        return None
    sentence = f"{place(strict)} has two limits of the same kind, {a} and {b}"
    return found("different limits", sentence, strict, loose)


def _inside(a: Limit, b: Limit) -> bool:
    """Whether all that ``a`` accepts is accepted by ``b``."""
    difference: Decimal = a.quantity.value - b.quantity.value
    return difference < 0 if a.comparator[0] == "<" else difference > 0
