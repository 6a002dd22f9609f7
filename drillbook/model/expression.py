"""What an alert's expression is held to: the objective that its threshold speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drillbook.errors import ConfigError
from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective, Policy
from drillbook.model.scenarios import SCENARIOS, Scenario

_FIRES: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!="}
"""A limit says what is good; an alert on it fires on the other side."""
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|#.*')
_BRACES: Final = re.compile(r"\{[^}]*\}")
_GROUPED: Final = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", re.IGNORECASE)
_RANGE: Final = re.compile(r"\[[^\]]*\]|\b(offset|@)\s*-?\w+", re.IGNORECASE)
_LOOKS_BACK: Final = re.compile(r"\[\s*((?:\d+(?:ms|[smhdwy]))+)")
_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_NAME: Final = re.compile(r"\b([a-zA-Z_:][\w:]*)\b(?!\s*\()")
_WORDS: Final = frozenset(
    {"and", "or", "unless", "bool", "by", "without", "on", "ignoring", "inf", "nan", "e", "offset"}
)


@dataclass(frozen=True, slots=True)
class SpokenOf:
    """What an expression is about: the scenarios to try it on, and how its threshold is compared."""

    objective: Objective
    scenarios: tuple[Scenario, ...]
    fires: str
    """The comparison that an alert makes: ``> 0.05``."""
    labels: Mapping[str, str]
    """Of the component's series."""

    def alerting(self, query: str) -> str:
        """An alert out of a query that returns what the threshold speaks of."""
        return f"({query}) {self.fires}"


def spoken_of(policy: Policy, name: str) -> SpokenOf:
    """What an expression about the objective ``name`` is held to. Raises ConfigError where it can't be tried."""
    objective = next((one for one in policy.objectives if one.id == name), None)
    if objective is None:
        raise ConfigError(f"parameter of: the policy has no objective {name!r}")
    if objective.indicator not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise ConfigError(f"parameter of: expressions on {objective.indicator} can't be tried, only on {known}")
    limit = objective.stated if isinstance(objective.stated, Limit) else objective.limit
    if not isinstance(limit, Limit) or limit.comparator not in _FIRES:
        raise ConfigError(f"parameter of: objective {name!r} has no limit that an alert could compare with yet")
    number = float(limit.quantity.value)
    component = policy.components.get(objective.component or "")
    labels = _labels(component)
    return SpokenOf(
        objective, SCENARIOS[objective.indicator](number), f"{_FIRES[limit.comparator]} {number:.9g}", labels
    )


def _labels(component: Component | None) -> Mapping[str, str]:
    if component is None:
        return {"job": "node"}
    return {"namespace": component.namespace, "job": component.service or component.id}


def looks_back(query: str) -> float:
    """The longest range that a PromQL expression looks back over (``[5m]``), in seconds; 0 where it has none."""
    return max((prom_seconds(found) for found in _LOOKS_BACK.findall(_STRING.sub(" ", query))), default=0.0)


def prom_seconds(text: str) -> float:
    """A duration as Prometheus writes it (``1h30m``), in seconds."""
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def metrics_in(query: str) -> tuple[str, ...]:
    """The metrics that a PromQL expression names, each once, in their order."""
    text = query
    for pattern in (_STRING, _BRACES, _GROUPED, _RANGE):
        text = pattern.sub(" ", text)
    names = (name for name in _NAME.findall(text) if name.lower() not in _WORDS)
    return tuple(dict.fromkeys(names))
