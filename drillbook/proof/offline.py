"""The cheap half of a proof: what a run recorded is spoiled, one way after another, and judged again.

No sandbox is needed, and a run against production serves as well. Each objective that passed is judged by the same
judge with its own recorded observation: as it was, which must pass again, and spoiled, which must never pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from drillbook.errors import ConfigError
from drillbook.judge import judge
from drillbook.model.indicators import INDICATORS
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Policy
from drillbook.model.quantity import Dimension
from drillbook.model.run import SCHEMA
from drillbook.model.text_limit import TextLimit
from drillbook.model.verdict import Status
from drillbook.proof.beyond import number_beyond, text_beyond
from drillbook.proof.violation import Unplantable

_NUDGE: Final = Decimal("0.000001")
"""How far over its limit a value is nudged, in base units; counts and bytes go by whole ones."""
_WHOLE: Final = frozenset({Dimension.COUNT, Dimension.BYTES})
_OLD: Final = timedelta(days=1)

type Spoil = Callable[[Objective, Observation], Observation]
"""An observation, made bad. Raises ValueError where no such observation can be made at all: that is a refusal too."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """One recorded observation, spoiled in one way, and what the judge made of it."""

    id: str
    how: str
    status: Status | None
    """None where the records refuse such an observation before anything judges it."""
    reason: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether a check stayed green, or a value over its limit was not called a violation."""
        return self.status is Status.PASS or (self.how == OVER and self.status is not Status.FAIL)


OVER: Final = "over its limit"


def _over(objective: Objective, seen: Observation) -> Observation:
    if isinstance(objective.limit, TextLimit):
        return replace(seen, text=(wrong := text_beyond(objective)), texts=(wrong,))
    value = number_beyond(objective, 1 if objective.limit.dimension in _WHOLE else _NUDGE)
    return replace(seen, value=value, low=value, high=value)


def _gone(problem: str) -> Spoil:
    def spoil(_: Objective, seen: Observation) -> Observation:
        return Observation(seen.dimension, seen.where, seen.at, problem=problem)

    return spoil


def _stale(_: Objective, seen: Observation) -> Observation:
    return replace(seen, at=seen.at - _OLD)


def _nan(_: Objective, seen: Observation) -> Observation:
    nan = Decimal("NaN")
    return replace(seen, value=nan, low=nan, high=nan, text=None, texts=())


def _empty(_: Objective, seen: Observation) -> Observation:
    return replace(seen, samples=0)


def _no_words(_: Objective, seen: Observation) -> Observation:
    if seen.text is None:
        raise ValueError("a number has no words")
    return replace(seen, text="", texts=("",))


def _other_dimension(_: Objective, seen: Observation) -> Observation:
    other = Dimension.COUNT if seen.dimension is not Dimension.COUNT else Dimension.RATIO
    return replace(seen, dimension=other)


def _percent(objective: Objective, seen: Observation) -> Observation:
    """A ratio told in percent, of an indicator that says how large a ratio of its kind can be."""
    most = INDICATORS[objective.indicator].high
    if most is None or seen.value is None or seen.low is None or seen.high is None or seen.value * 100 <= most:
        raise ValueError("its percent could be a ratio as well, so nobody can tell")
    return replace(seen, value=seen.value * 100, low=seen.low * 100, high=seen.high * 100)


SPOILS: Final[Mapping[str, Spoil]] = {
    OVER: _over,
    "series gone": _gone("the series is gone"),
    "refused": _gone("connection refused"),
    "stale by a day": _stale,
    "not a number": _nan,
    "no samples": _empty,
    "an empty text": _no_words,
    "in another dimension": _other_dimension,
    "percent for a ratio": _percent,
}


def read_run(path: Path) -> dict[str, Any]:
    """A recorded run, from its folder or its ``run.json``. Raises ConfigError where it is none."""
    file = path / "run.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: expected a run that drillbook wrote, found {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ConfigError(f"{file}: expected a run of schema {SCHEMA}; make one with: drillbook check SYSTEM")
    return document


def spoil_run(document: Mapping[str, Any], policy: Policy) -> Iterator[Spoiled]:
    """Everything that passed in a run, spoiled in every way there is.

    Raises ConfigError for a run that the policy doesn't fit: of another version of it, or of another system.
    """
    objectives = {f"{policy.system}/{one.id}": one for one in policy.objectives}
    for verdict in document["verdicts"]:
        if verdict["status"] != Status.PASS:
            continue
        if verdict["id"] not in objectives or str(objectives[verdict["id"]].limit) != verdict["limit"]["text"]:
            raise ConfigError(
                f"the run judged {verdict['id']} against {verdict['limit']['text']}, and {policy.path} has no such "
                f"objective with that limit: check the system again with the present policy"
            )
        yield from spoil_one(policy.system, objectives[verdict["id"]], recorded(verdict, objectives[verdict["id"]]))


def spoil_one(system: str, objective: Objective, seen: Observation) -> Iterator[Spoiled]:
    """One observation, judged as it was recorded and in every spoiled form, now."""
    name = f"{system}/{objective.id}"
    again = judge(system, objective, seen, seen.at)
    if again.status is not Status.PASS:
        raise ConfigError(f"{name} passed when it was recorded, and the same evidence is {again.status} now")
    for how, spoil in SPOILS.items():
        try:
            verdict = judge(system, objective, spoil(objective, seen), seen.at)
        except (ValueError, Unplantable) as error:
            yield Spoiled(name, how, None, str(error))
        else:
            yield Spoiled(name, how, verdict.status, verdict.reason)


def recorded(verdict: Mapping[str, Any], objective: Objective) -> Observation:
    """The observation behind a recorded verdict. Raises ConfigError where it doesn't hold together."""
    bounds = verdict["bounds"] or {}
    is_text = objective.limit.dimension is Dimension.TEXT
    try:
        return Observation(
            dimension=objective.limit.dimension,
            where=verdict["where"],
            at=datetime.fromisoformat(verdict["at"]),
            took_seconds=verdict["took_seconds"],
            value=None if is_text else Decimal(str(verdict["value"])),
            text=verdict["text"] if is_text else None,
            low=_number(bounds, "lower"),
            high=_number(bounds, "upper"),
            samples=verdict["samples"],
            evidence=verdict["evidence"],
        )
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise ConfigError(f"{verdict.get('id')}: its recorded observation can't be read: {error}") from error


def _number(bounds: Mapping[str, Any], side: str) -> Decimal | None:
    """An end of the interval; one that is null in a recorded interval is unbounded."""
    if side not in bounds:
        return None
    return Decimal("Infinity") if bounds[side] is None else Decimal(str(bounds[side]))
