"""``waivers.yaml`` into Waivers: who answers for which violation, until when, and up to what."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

from drillbook.model.indicators import INDICATORS
from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.model.verdict import Waiver
from drillbook.policy.document import shown
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems, described
from drillbook.policy.section import Section, refuse_repeats

KEYS: Final = ("objective", "owner", "reason", "expires", "ceiling", "ticket")
_DATE: Final = "a day such as 2026-12-31 (UTC, to its end)"


def load_waivers(path: Path, policy: Policy) -> tuple[Waiver, ...]:
    """The waivers in ``path``, in its order; a missing file holds none. Raises ConfigError with every problem."""
    if not path.exists() and not path.is_symlink():
        return ()
    problems = Problems(shown(path))
    top = open_top(path, "list of waivers", "Waivers", ("apiVersion", "kind", "waivers"), problems)
    sections = top.children("waivers", KEYS)
    refuse_repeats(sections, "objective")
    objectives = {o.id: o for o in policy.objectives}
    waivers = [_waiver(one, objectives) for one in sections]
    problems.settle()
    return tuple(w for w in waivers if w is not None)


def _waiver(one: Section, objectives: dict[str, Objective]) -> Waiver | None:
    objective = objectives.get(one.choice("objective", objectives, "objective"))
    owner = one.text("owner", "the name of who answers for it")
    reason = one.text("reason", "the reason")
    expires = _day(one)
    ticket = one.optional_text("ticket") or ""
    if one.get("ceiling") is None:
        one.missing("ceiling", 'the worst value that is accepted, as a limit such as "<= 3 s"')
    ceiling = _ceiling(one, objective) if objective else None
    if objective is None or expires is None or ceiling is None:
        return None
    return Waiver(objective.id, owner, reason, expires, ceiling, ticket, one.node.start_mark.line + 1)


def _day(one: Section) -> date | None:
    node = one.get("expires")
    if node is None:
        one.missing("expires", _DATE)
        return None
    if isinstance(node, yaml.ScalarNode) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.value):
        return one.parsed("expires", node.value, _calendar_day)
    one.problem("expires", f"expected {_DATE}, found {described(node)}")
    return None


def _calendar_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"expected {_DATE}, found {text!r}: {error}") from None


def _ceiling(one: Section, objective: Objective) -> Limit | TextLimit | None:
    """A ceiling must accept all that the limit accepts, and more, but not everything."""
    text = one.literal("ceiling", 'a limit such as "<= 3 s"')
    if text and objective.limit.dimension is Dimension.TEXT:
        return one.parsed("ceiling", text, TextLimit.parse)
    ceiling = one.parsed("ceiling", text, lambda t: Limit.parse(t, objective.limit.dimension)) if text else None
    limit, indicator = objective.limit, INDICATORS[objective.indicator]
    if ceiling is None or not isinstance(limit, Limit):
        return ceiling
    if not ceiling.accepts_all_of(limit):
        one.problem("ceiling", f"{text!r} accepts less than the limit of {objective.id}, {limit}")
    elif limit.accepts_all_of(ceiling):
        one.problem("ceiling", f"{text!r} accepts no more than the limit of {objective.id}, {limit}: it waives nothing")
    elif ceiling.holds_for(indicator.low, Decimal("Infinity") if indicator.high is None else indicator.high):
        one.problem("ceiling", f"{text!r} accepts every value of {objective.indicator}: a waiver needs a worst value")
    else:
        return ceiling
    return None
