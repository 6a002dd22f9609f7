"""How far an autoscaler may go at once: stabilisation windows, scaling policies, and the bounds.

Without ``spec.behavior``: down only to the highest recommendation of five minutes, up to twice the size or four pods,
whichever is more. With it: the policies of the direction, each over its own period. Source: "Configurable scaling
behavior" in the documentation of the Horizontal Pod Autoscaler.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.controllers.autoscaler_metrics import Tolerance
from drillbook.sandbox.kinds import Object

DOWN_WINDOW: Final = 300.0
_UP: Final[Object] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN: Final[Object] = {
    "stabilizationWindowSeconds": DOWN_WINDOW,
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
_IN_RANGE: Final = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FEW: Final = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_MANY: Final = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_UP_LIMIT: Final = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_DOWN_LIMIT: Final = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
_READY: Final = ("ReadyForNewScale", "recommended size matches current size")
_STABLE_UP: Final = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_STABLE_DOWN: Final = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)


@dataclass
class Memory:
    """What an autoscaler remembers; moments are seconds of a monotonic clock."""

    recommended: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)
    """By how many replicas it changed the target."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where to go, and the reasons and messages of the conditions that say why."""

    replicas: int
    able: tuple[str, str]
    limited: bool
    limit: tuple[str, str]


def tolerance_of(spec: Object) -> Tolerance:
    """``behavior.*.tolerance``, else Kubernetes' 10 %."""
    behavior = spec.get("behavior") or {}
    given = {name: (behavior.get(name) or {}).get("tolerance") for name in ("scaleDown", "scaleUp")}
    down, up = (0.1 if text is None else float(parse(str(text))) for text in given.values())
    return Tolerance(down, up)


def next_step(spec: Object, memory: Memory, current: int, desired: int, now: float) -> Step:
    """From ``current`` towards ``desired``; remembers the recommendation."""
    least, most = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
    behavior = spec.get("behavior")
    if not memory.recommended:
        memory.recommended.append((now, current))
    if behavior is None:
        steady = _highest(memory, desired, now, DOWN_WINDOW)
        able = _STABLE_DOWN if steady != desired else _READY
        wanted, limit = _plain(current, steady, least, most)
        window = DOWN_WINDOW
    else:
        up, down = _rules(behavior.get("scaleUp"), _UP), _rules(behavior.get("scaleDown"), _DOWN)
        window = max(float(up["stabilizationWindowSeconds"]), float(down["stabilizationWindowSeconds"]))
        steady = _stabilized(memory, current, desired, now, up, down)
        able = (_STABLE_UP if desired >= current else _STABLE_DOWN) if steady != desired else _READY
        wanted, limit = _by_policies(memory, current, steady, (least, most), now, (up, down))
    memory.recommended = [(at, n) for at, n in memory.recommended if now - at <= window] + [(now, desired)]
    return Step(wanted, able, wanted != steady, limit)


def remember_change(spec: Object, memory: Memory, by: int, now: float) -> None:
    """The target was scaled; only policies ask for that later."""
    behavior = spec.get("behavior")
    if behavior is None:
        return
    rules = [_rules(behavior.get("scaleUp"), _UP), _rules(behavior.get("scaleDown"), _DOWN)]
    longest = max(float(policy["periodSeconds"]) for rule in rules for policy in rule["policies"])
    memory.changes = [(at, n) for at, n in memory.changes if now - at < longest] + [(now, by)]


def _rules(given: Object | None, default: Object) -> Object:
    return default | {name: value for name, value in (given or {}).items() if value is not None}


def _highest(memory: Memory, desired: int, now: float, window: float) -> int:
    return max([desired, *(n for at, n in memory.recommended if now - at <= window)])


def _stabilized(memory: Memory, current: int, desired: int, now: float, up: Object, down: Object) -> int:
    """Up only to the lowest recommendation of its window, down only to the highest of its own."""
    highest = _highest(memory, desired, now, float(down["stabilizationWindowSeconds"]) - 1e-9)
    since = float(up["stabilizationWindowSeconds"])
    lowest = min([desired, *(n for at, n in memory.recommended if now - at < since)])
    return min(max(current, lowest), highest)


def _plain(current: int, desired: int, least: int, most: int) -> tuple[int, tuple[str, str]]:
    fastest = max(2 * current, 4)
    ceiling, why = (fastest, _UP_LIMIT) if most > fastest else (most, _TOO_MANY)
    if desired < least:
        return least, _TOO_FEW
    return (ceiling, why) if desired > ceiling else (desired, _IN_RANGE)


def _by_policies(
    memory: Memory, current: int, desired: int, bounds: tuple[int, int], now: float, rules: tuple[Object, Object]
) -> tuple[int, tuple[str, str]]:
    (least, most), (up, down) = bounds, rules
    if desired > current:
        fastest = max(current, _furthest(up, memory, current, now, 1))
        ceiling, why = (fastest, _UP_LIMIT) if most > fastest else (most, _TOO_MANY)
        return (ceiling, why) if desired > ceiling else (desired, _IN_RANGE)
    if desired < current:
        fastest = min(current, _furthest(down, memory, current, now, -1))
        floor, why = (fastest, _DOWN_LIMIT) if least < fastest else (least, _TOO_FEW)
        return (floor, why) if desired < floor else (desired, _IN_RANGE)
    return desired, _IN_RANGE


def _furthest(rules: Object, memory: Memory, current: int, now: float, direction: int) -> int:
    """The size that the policies of one direction (1 up, -1 down) allow."""
    if rules["selectPolicy"] == "Disabled":
        return current
    sizes = [_allowed(policy, memory, current, now, direction) for policy in rules["policies"]]
    widest = (max if direction > 0 else min)(sizes)
    narrowest = (min if direction > 0 else max)(sizes)
    return narrowest if rules["selectPolicy"] == "Min" else widest


def _allowed(policy: dict[str, Any], memory: Memory, current: int, now: float, direction: int) -> int:
    """From the size at the start of the policy's period."""
    start = current - _changed(memory.changes, now, float(policy["periodSeconds"]))
    if policy["type"] == "Pods":
        return start + direction * int(policy["value"])
    if direction > 0:
        return math.ceil(start * (100 + int(policy["value"])) / 100)
    return start * (100 - int(policy["value"])) // 100


def _changed(changes: Iterable[tuple[float, int]], now: float, period: float) -> int:
    return sum(by for at, by in changes if now - at < period)
