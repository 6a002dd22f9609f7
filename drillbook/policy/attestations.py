"""``attestations/ENVIRONMENT.yaml`` into Attestations: who says what, when it was, and until when that counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from drillbook.model.attestation import Attestation
from drillbook.model.indicators.attested import attests
from drillbook.model.policy import Policy
from drillbook.model.quantity import Dimension, Quantity
from drillbook.policy.document import shown
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems
from drillbook.policy.section import Section, refuse_repeats

KEYS: Final = ("attests", "who", "when", "evidence", "expires", "value")
_DAY: Final = "a day such as 2026-12-31 (UTC)"
_MOMENT: Final = "a day such as 2026-11-02 or a moment such as 2026-11-02T10:00Z (UTC)"
_SHAPE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)Z)?")
_LAST: Final = timedelta(days=1) - timedelta(microseconds=1)


def load_attestations(path: Path, policy: Policy) -> Mapping[str, Attestation] | None:
    """By the objective that each answers; None where there is no such file. Raises ConfigError with every problem."""
    if not path.exists() and not path.is_symlink():
        return None
    problems = Problems(shown(path))
    top = open_top(path, "list of attestations", "Attestations", ("apiVersion", "kind", "attestations"), problems)
    asked: dict[str, set[str]] = {}
    for objective in policy.objectives:
        if name := attests(objective.indicator, objective.id, objective.parameters):
            asked.setdefault(name, set()).add(objective.indicator)
    sections = top.children("attestations", KEYS)
    refuse_repeats(sections, "attests")
    found = [_attestation(one, asked) for one in sections]
    problems.settle()
    return {one.attests: one for one in found if one is not None}


def _attestation(one: Section, asked: Mapping[str, set[str]]) -> Attestation | None:
    objective = one.choice("attests", asked, "attested objective")
    who = one.text("who", "the name of who says so")
    evidence = one.text("evidence", "a text or an address where it can be looked up")
    when = _when(one)
    expires = _date(one, "expires", _DAY)
    value = one.literal("value", "a value such as 12 min or yes") or ""
    _check_value(one, value, asked.get(objective, set()))
    if not objective or when is None or expires is None:
        return None
    if expires < when[0].date():
        one.problem("expires", f"expected a day on or after {when[0]:%Y-%m-%d}, when it was, found {expires}")
    line = one.node.start_mark.line + 1
    return Attestation(objective, who, *when, evidence, expires, value, line)


def _check_value(one: Section, value: str, indicators: set[str]) -> None:
    """A value where what it answers has one, in the dimension of that."""
    if "attested.time" in indicators:
        if value:
            one.parsed("value", value, lambda text: Quantity.parse(text, Dimension.DURATION))
        else:
            one.missing("value", "the duration that it took, such as 12 min")
    elif "attested.fact" in indicators and not value:
        one.missing("value", "what is so, such as yes")


def _date(one: Section, key: str, expected: str) -> date | None:
    text = one.literal(key, expected)
    if text is None:
        if one.get(key) is None:
            one.missing(key, expected)
        return None
    return one.parsed(key, text, lambda t: _day(t, expected))


def _when(one: Section) -> tuple[datetime, datetime] | None:
    """The first and the last moment that it can have been."""
    text = one.literal("when", _MOMENT)
    if text is None:
        if one.get("when") is None:
            one.missing("when", _MOMENT)
        return None
    return one.parsed("when", text, _moments)


def _moments(text: str) -> tuple[datetime, datetime]:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(f"expected {_MOMENT}, found {text!r}")
    day = datetime.combine(_day(match[1], _MOMENT), time(), UTC)
    if match[2] is None:
        return day, day + _LAST
    try:
        moment = datetime.combine(day.date(), time.fromisoformat(match[2]), UTC)
    except ValueError as error:
        raise ValueError(f"expected {_MOMENT}, found {text!r}: {error}") from None
    return moment, moment


def _day(text: str, expected: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"expected {expected}, found {text!r}")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"expected {expected}, found {text!r}: {error}") from None
