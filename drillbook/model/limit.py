"""Limits: a comparator and a quantity, held against an interval."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from drillbook.model.quantity import Dimension, Quantity

_HOLDS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SHAPE: Final = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\S.*?)\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """What must hold: the *good* condition, ``value comparator quantity``."""

    comparator: str
    quantity: Quantity

    @classmethod
    def parse(cls, text: str, dimension: Dimension) -> Limit:
        """Read ``< 500 ms``. Raises ValueError with a sentence."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise ValueError(f"expected a comparator (<, <=, >, >=, ==, !=) and {dimension.noun}, found {text!r}")
        return cls(match[1], Quantity.parse(match[2], dimension))

    @property
    def dimension(self) -> Dimension:
        return self.quantity.dimension

    def holds_at(self, value: Decimal) -> bool:
        """Whether one exact value is good."""
        return _HOLDS[self.comparator](value, self.quantity.value)

    def holds_for(self, low: Decimal, high: Decimal) -> bool | None:
        """Whether every value of ``[low, high]`` is good (True), none is (False), or the interval straddles (None)."""
        bound = self.quantity.value
        if self.comparator in {"==", "!="}:
            if not low <= bound <= high:
                return self.comparator == "!="
            return self.holds_at(bound) if low == high else None
        at_low, at_high = self.holds_at(low), self.holds_at(high)
        return at_low if at_low == at_high else None

    def excess(self, low: Decimal, high: Decimal) -> Decimal:
        """How far the worse end of ``[low, high]`` is from the limit, in base units.

        Positive is outside, negative is inside, and 0 is on the edge itself (which ``<=`` accepts and ``<`` doesn't).
        """
        bound = self.quantity.value
        if self.comparator == "!=":
            return Decimal(0) if low <= bound <= high else -min(abs(low - bound), abs(high - bound))
        if self.comparator.startswith("<"):
            return high - bound
        if self.comparator.startswith(">"):
            return bound - low
        return max(abs(low - bound), abs(high - bound))

    def accepts_all_of(self, other: Limit) -> bool:
        """Whether every value that ``other`` accepts is accepted here too.

        Neither changes its mind between or beyond the two bounds, so one value from each stretch decides.
        """
        below, above = sorted((self.quantity.value, other.quantity.value))
        stretches = (below - 1, below, (below + above) / 2, above, above + 1)
        return all(self.holds_at(value) for value in stretches if other.holds_at(value))

    def __str__(self) -> str:
        return f"{self.comparator} {self.quantity}"
