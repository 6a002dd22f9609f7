"""The arithmetic of a rolling update: how many pods may be missing, how many may be too many. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.sandbox.kinds import Object


@dataclass(frozen=True, slots=True)
class Leeway:
    """``surge`` pods above the wanted number, ``unavailable`` below it."""

    surge: int
    unavailable: int


def share(value: int | str, whole: int, *, up: bool) -> int:
    """``25%`` of ``whole`` rounded up or down, or the plain number."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        return int(value)
    part = int(value[:-1]) * whole / 100
    return math.ceil(part) if up else math.floor(part)


def leeway(spec: Object) -> Leeway:
    """What a Deployment's strategy allows. Both zero would never move: then one may be missing, as in Kubernetes."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Leeway(0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    wanted = int(spec.get("replicas", 1))
    surge = share(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = share(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Leeway(surge, min(unavailable, wanted))


def new_size(wanted: int, allowed: Leeway, current_new: int, all_sizes: Sequence[int]) -> int:
    """How many replicas the new ReplicaSet should have now."""
    if current_new >= wanted:
        return wanted
    room = wanted + allowed.surge - sum(all_sizes)
    return min(wanted, current_new + max(0, room))


def proportional(sizes: Sequence[int], total: int, planned: Sequence[int]) -> list[int]:
    """Spread a change of the whole over ReplicaSets in proportion to their sizes.

    ``sizes``: what they have now; ``planned``: the whole that each was last sized for; ``total``: the new whole with
    its surge. The biggest ReplicaSet takes what rounding leaves.
    """
    to_give = total - sum(sizes)
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    result, given = list(sizes), 0
    for i in order:
        if not to_give or not sizes[i]:
            continue
        fraction = round(sizes[i] * total / max(1, planned[i])) - sizes[i]
        left = to_give - given
        step = min(fraction, left) if to_give > 0 else max(fraction, left)
        result[i] += step
        given += step
    if order and given != to_give:
        result[order[0]] = max(0, result[order[0]] + to_give - given)
    return result
