"""How sure a number is: bounds for a quantile and for a ratio, from what was seen. Pure, no distribution assumed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple


class Estimate(NamedTuple):
    """A value, and the interval that the sample supports: ``low <= value <= high``."""

    value: float
    low: float
    high: float


def quantile_bounds(sorted_values: Sequence[float], q: float, confidence: float = 0.95) -> Estimate:
    """The ``q`` quantile (0 < q < 1) of a sorted sample by nearest rank, bounded by binomial order statistics.

    With n values, the number of them at or below the true quantile is Binomial(n, q); the bounds are the closest
    order statistics that leave at most half of ``1 - confidence`` on each side. A sample too small to bound a side
    gets an infinity there. Values may be infinite (requests that were never answered).

    Convention: nearest rank, David & Nagaraja, Order Statistics, section 7.1. Raises ValueError on an empty sample.
    """
    n = len(sorted_values)
    if n == 0 or not 0 < q < 1:
        raise ValueError(f"expected a sample and a quantile between 0 and 1, found {n} values and {q}")
    value = sorted_values[min(n, math.ceil(q * n - 1e-9)) - 1]
    tail = (1 - confidence) / 2
    lower, upper, cumulative = 0, n + 1, 0.0
    for k in range(n + 1):
        cumulative += _binomial_mass(n, k, q)
        if cumulative <= tail:
            lower = k + 1
        if cumulative >= 1 - tail:
            upper = k + 1
            break
    low = sorted_values[lower - 1] if lower >= 1 else -math.inf
    high = sorted_values[upper - 1] if upper <= n else math.inf
    return Estimate(value, min(low, value), max(high, value))


def wait_bounds(took: Sequence[float], late: Sequence[float], q: float) -> Estimate:
    """The ``q`` quantile of answer times, which include what this machine was late in sending each request.

    That delay is no user's wait, so the lower bound is without it: a limit that only our own delay breaks is not judged
    broken. Raises ValueError as ``quantile_bounds`` does.
    """
    value, low, high = quantile_bounds(sorted(took), q)
    theirs = quantile_bounds(sorted(time - own for time, own in zip(took, late, strict=True)), q)
    return Estimate(value, min(low, theirs.low), high)


def wilson(k: int, n: int, confidence: float = 0.95) -> Estimate:
    """The ratio ``k / n`` with its Wilson score interval. Raises ValueError unless ``0 <= k <= n`` and ``n > 0``."""
    if n <= 0 or not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n and n > 0, found k={k}, n={n}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    ratio, z2 = k / n, z * z
    centre = (ratio + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(ratio * (1 - ratio) / n + z2 / (4 * n * n))
    return Estimate(ratio, max(0.0, min(centre - half, ratio)), min(1.0, max(centre + half, ratio)))


def _binomial_mass(n: int, k: int, q: float) -> float:
    """P(B = k) for B ~ Binomial(n, q), through logarithms: exact enough for any n, never overflowing."""
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choose + k * math.log(q) + (n - k) * math.log1p(-q))
