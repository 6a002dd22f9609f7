"""A configuration of nginx in which one directive stands otherwise than a limit allows, and nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.probes.collecting import parameters_of
from drillbook.probes.nginx_config import directives
from drillbook.proof.beyond import number_beyond, text_beyond
from drillbook.proof.violation import Unplantable

_SIMPLE: Final = r"(?P<indent>^[ \t]*|[;{{][ \t]*){name}(?P<arguments>(?:\s+[^;{{}}#]*)?);"
_WORDS: Final = ("1", "2", "on", "off", "1s", "1m")
"""What one or another directive takes. One that nginx doesn't take is no use: then it tells of none any more."""


def edited(objective: Objective, text: str) -> str:
    """``text`` with a value beyond the limit, or, where directives are counted, with one fewer or one more.

    Raises Unplantable where the directive isn't there, or can't stand otherwise.
    """
    parameters = parameters_of(objective)
    name = str(parameters["name"])
    simple = re.compile(_SIMPLE.format(name=re.escape(name)), re.MULTILINE)
    if not _stands(text, parameters):
        raise Unplantable(f"{objective.id}: directive {name} stands nowhere, so it can't be broken")
    if parameters["take"] == "number":
        return _counted(objective, simple, text, parameters)
    value = next(_values(objective))
    if argument := parameters["argument"]:
        return re.sub(rf"\b{re.escape(argument)}=[^\s;]+", f"{argument}={value}", text)
    return simple.sub(lambda found: f"{found['indent']}{name} {value};", text)


def _counted(objective: Objective, simple: re.Pattern[str], text: str, parameters: Mapping[str, Any]) -> str:
    less = simple.sub(lambda found: found["indent"], text, count=1)
    more = simple.sub(lambda found: f"{found[0]} {parameters['name']}{found['arguments']};", text, count=1)
    before, limit = _stands(text, parameters), objective.limit
    for one in (less, more):
        count = _stands(one, parameters)
        if isinstance(limit, Limit) and count != before and not limit.holds_at(Decimal(count)):
            return one
    raise Unplantable(f"{objective.id}: neither one fewer nor one more breaks {objective.limit}")


def _stands(text: str, parameters: Mapping[str, Any]) -> int:
    """How often the directive stands there, as its probe counts."""
    block = parameters["block"]
    try:
        found = list(directives(text))
    except ValueError as error:
        raise Unplantable(f"the configuration can't be read: {error}") from error
    return sum(one.name == parameters["name"] and (not block or one.stands_in(block)) for one in found)


def _values(objective: Objective) -> Iterator[str]:
    """Values that nginx takes and the limit refuses."""
    limit = objective.limit
    if isinstance(limit, TextLimit):
        yield from (text for text in _WORDS if not limit.holds_for(text))
        yield text_beyond(objective)
        return
    yield f"{number_beyond(objective):f}{'s' if limit.dimension is Dimension.DURATION else ''}"
