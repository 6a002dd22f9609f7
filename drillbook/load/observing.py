"""What a load test saw, held against the policy's own limits by the same judge as every check."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from drillbook.judge import judge
from drillbook.load.plan import LoadPlan, Target
from drillbook.load.shots import Shot
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Policy
from drillbook.model.quantity import Dimension
from drillbook.model.run import LoadResult
from drillbook.model.statistics import wait_bounds, wilson
from drillbook.model.verdict import Verdict

WARM_UP: Final = 8
"""Requests left out of the judgement: they pay for connections and handshakes that users share."""
_TAIL: Final = 20
"""Samples beyond a quantile that it takes to bound it well: n (1 - q) >= 20."""


def summed_up(shots: Sequence[Shot], verdicts: Sequence[Verdict] = ()) -> LoadResult:
    """How much was sent, at which rate and for how long; failures are 5xx and requests without an answer."""
    seconds = max((shot.due + shot.took for shot in shots), default=0.0)
    sent_for = max((shot.due for shot in shots), default=0.0)
    rate = (len(shots) - 1) / sent_for if len(shots) > 1 and sent_for else float(len(shots))
    return LoadResult(len(shots), sum(shot.failed for shot in shots), rate, seconds, tuple(verdicts))


def judge_load(policy: Policy, plan: LoadPlan, shots: Sequence[Shot], at: datetime) -> tuple[Verdict, ...]:
    """A verdict for every objective on latency and error ratio of a component that got traffic."""
    targets = {target.component: target for target in plan.targets}
    return tuple(_verdicts(policy, targets, plan, shots, at))


def _verdicts(
    policy: Policy, targets: dict[str, Target], plan: LoadPlan, shots: Sequence[Shot], at: datetime
) -> Iterator[Verdict]:
    for objective in policy.objectives:
        target = targets.get(objective.component or "")
        if target is None or objective.indicator not in {"http.latency", "http.error_ratio"}:
            continue
        mine = [shot for shot in shots if shot.component == target.component]
        yield judge(policy.system, objective, _seen(objective, target, plan, mine[WARM_UP:], at))


def _seen(objective: Objective, target: Target, plan: LoadPlan, shots: Sequence[Shot], at: datetime) -> Observation:
    dimension = objective.limit.dimension
    where = f"{target.endpoint.url} {', '.join(f'{r.method} {r.path}' for r in target.routes)}"
    if not shots:
        return Observation(
            dimension, where, at, problem=f"fewer than {WARM_UP + 1} requests were sent", remedy="load for longer"
        )
    took = max(shot.due + shot.took for shot in shots)
    common: dict[str, Any] = {"where": where, "at": at, "took_seconds": took, "samples": len(shots)}
    evidence = _evidence(plan, target, shots)
    if dimension is Dimension.DURATION:
        quantile = float(objective.parameters["percentile"]) / 100
        times = [math.inf if shot.status is None else shot.took for shot in shots]
        bounds = wait_bounds(times, [shot.late for shot in shots], quantile)
        value, low, high = (exact(max(bound, 0.0)) for bound in bounds)
        enough = max(math.ceil(_TAIL / (1 - quantile)), 4 * len(shots))
        evidence |= {"percentile": objective.parameters["percentile"], "bounds": "binomial order statistics, 95 %"}
    else:
        failed = sum(shot.failed for shot in shots)
        value, low, high = (exact(bound) for bound in wilson(failed, len(shots)))
        enough = 4 * len(shots)
        evidence |= {"failed": failed, "bounds": "Wilson score, 95 %"}
    remedy = f"needs {enough:,} requests: {math.ceil(enough / plan.rate)} s at this rate"
    return Observation(dimension, value=value, low=low, high=high, remedy=remedy, evidence=evidence, **common)


def _evidence(plan: LoadPlan, target: Target, shots: Sequence[Shot]) -> dict[str, Any]:
    return {
        "via": str(target.endpoint),
        "requests": len(shots),
        "arrivals_per_second": plan.rate,
        "routes": dict(Counter(shot.route for shot in shots)),
        "statuses": dict(Counter(str(shot.status) for shot in shots if shot.status is not None)),
        "unanswered": dict(Counter(shot.problem for shot in shots if shot.status is None)),
        "latest_start_seconds": round(max(shot.late for shot in shots), 4),
        "warm_up_requests": WARM_UP,
        "timeout_seconds": plan.timeout_seconds,
    }


def exact(value: float) -> Decimal:
    """A measured number to the microsecond (or millionth); infinity stays what it is."""
    return Decimal(repr(round(value, 6)))
