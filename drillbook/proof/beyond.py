"""The nearest value that a limit refuses: what a violation plants."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from drillbook.model.limit import Limit
from drillbook.model.policy import Objective
from drillbook.model.text_limit import TextLimit
from drillbook.proof.violation import Unplantable

_TEXTS: Final = ("violated", "0", "9999", "", "-1", "off", "on")


def number_beyond(objective: Objective, step: Decimal | int | str = 1) -> Decimal:
    """A number, in base units, just outside the objective's limit: ``step`` away from it where it is on the edge.

    ``<= 80`` gives 81, ``< 80`` gives 80, ``== 100`` gives 101, ``>= 3`` gives 2. Raises Unplantable for a limit that
    is no number.
    """
    limit = objective.limit
    if not isinstance(limit, Limit):
        raise Unplantable(f"{objective.id}: expected a limit that is a number, found {limit}")
    bound, by = limit.quantity.value, Decimal(step)
    return next(value for value in (bound, bound + by, bound - by) if not limit.holds_at(value))


def text_beyond(objective: Objective) -> str:
    """A text that the objective's limit refuses, as near to the wanted one as can be.

    A limit on a number written as text (parameter ``as``) is for ``number_beyond``. Raises Unplantable where none of
    the texts tried is refused.
    """
    limit = text_limit(objective)
    tried = (limit.wanted, f"{limit.wanted}-violated", *_TEXTS)
    for text in tried:
        if not limit.holds_for(text):
            return text
    raise Unplantable(f"{objective.id}: {limit} refuses none of {', '.join(map(repr, tried))}")


def text_limit(objective: Objective) -> TextLimit:
    """The objective's limit on a text. Raises Unplantable where it is on something else."""
    if not isinstance(objective.limit, TextLimit):
        raise Unplantable(f"{objective.id}: expected a limit on a text, found {objective.limit}")
    return objective.limit
