"""Is an objective met? The whole interval of an observation decides, and a doubt is neither a pass nor a failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from drillbook.clock import iso
from drillbook.model.indicators import INDICATORS
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import AnyLimit, Objective
from drillbook.model.quantity import render
from drillbook.model.text_limit import OwedLimit, TextLimit
from drillbook.model.verdict import Status, Verdict

_STATUS: Final[Mapping[bool | None, Status]] = {
    True: Status.PASS,
    False: Status.FAIL,
    None: Status.INCONCLUSIVE,
}
_MOST_DIGITS: Final = 15


_FRESH: Final = timedelta(hours=1)
"""An observation older than this says nothing of now; the longest look that there is takes two minutes."""


def judge(system: str, objective: Objective, seen: Observation, now: datetime | None = None) -> Verdict:
    """Pass when every value of the observation's interval is good, fail when none is, else inconclusive.

    A value that no sample stands behind is nothing observed, and nothing observed is inconclusive. So is a value that
    there can't be (a ratio told in percent), and, where ``now`` is given, one that is of another time.

    Raises ValueError when the observation is of another dimension than the limit: no file can be wrong in that way,
    only a probe.
    """
    if seen.dimension is not objective.limit.dimension:
        raise ValueError(
            f"{objective.id}: {objective.indicator} answered with a {seen.dimension}, "
            f"and its limit is a {objective.limit.dimension}"
        )
    doubt = _doubt(objective, seen, now)
    status = Status.INCONCLUSIVE if doubt else _STATUS[holds(objective.limit, seen)]
    return Verdict(
        id=f"{system}/{objective.id}",
        status=status,
        reason=f"expected {objective.limit}, {doubt}" if doubt else _reason(objective, seen, status),
        objective=objective,
        observation=seen,
    )


def _doubt(objective: Objective, seen: Observation, now: datetime | None) -> str:
    """Why a value is not to be believed, whatever the limit; empty where nothing speaks against it."""
    if now is not None and now - seen.at > _FRESH:
        return f"and what was observed is of {iso(seen.at)}: too old to say anything of now; look again"
    most = INDICATORS[objective.indicator].high if objective.indicator in INDICATORS else None
    own = most is not None and seen.dimension is INDICATORS[objective.indicator].dimension
    if own and seen.value is not None and most is not None and seen.value > most:
        return f"observed {observed(objective, seen)}, and {objective.indicator} is {most} at most: wrong unit?"
    return ""


def holds(limit: AnyLimit, seen: Observation) -> bool | None:
    """Whether what was seen is good, all of it (True) or none of it (False); None where that can't be told."""
    match limit:
        case Limit() if seen.low is not None and seen.high is not None and not seen.nothing:
            return limit.holds_for(seen.low, seen.high)
        case TextLimit() if seen.texts and not seen.nothing:
            # One pod that says something else breaks the limit, however good the others are.
            return all(limit.holds_for(text) for text in seen.texts)
    return None


def _reason(objective: Objective, seen: Observation, status: Status) -> str:
    sentence = f"expected {objective.limit}, observed {observed(objective, seen)}"
    if isinstance(objective.limit, OwedLimit):
        owed = f"say one under limits in the environment's file, as {objective.source} leaves it out"
        return f"{sentence}; {owed}"
    if status is Status.INCONCLUSIVE and not seen.nothing:
        sentence += ", which is on both sides of the limit"
    if status is Status.INCONCLUSIVE and seen.remedy:
        sentence += f"; {seen.remedy}"
    return sentence


def observed(objective: Objective, seen: Observation) -> str:
    """``3.01 s (2.99 to 3.05 s, 400 samples)``, in as many digits as it takes to tell it from the limit."""
    if seen.text is not None:
        return seen.text or "an empty text"
    if seen.value is None or seen.low is None or seen.high is None:
        return f"nothing: {seen.problem}"
    if seen.samples < 1:
        return f"nothing: no sample stands behind {_told(objective, seen.value)}"
    brackets = []
    if seen.low != seen.high:
        brackets.append(_span(_told(objective, seen.low), _told(objective, seen.high)))
    if seen.samples > 1:
        brackets.append(f"{seen.samples:,} samples")
    value = _told(objective, seen.value)
    return f"{value} ({', '.join(brackets)})" if brackets else value


def _told(objective: Objective, value: Decimal) -> str:
    """``value`` rendered, never so rounded that it reads like the limit without being equal to it."""
    if not isinstance(objective.limit, Limit):
        return render(value, objective.limit.dimension)
    limit = objective.limit.quantity
    reads_like = render(limit.value, limit.dimension, _MOST_DIGITS)
    for digits in range(3, _MOST_DIGITS):
        text = render(value, limit.dimension, digits)
        if value == limit.value or text != reads_like:
            return text
    return f"{value} (in base units)"


def _span(low: str, high: str) -> str:
    """``2.99 to 3.05 s``: the unit once where both have the same."""
    number, space, unit = low.partition(" ")
    return f"{number if space and high.endswith(f' {unit}') else low} to {high}"
