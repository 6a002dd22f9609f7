"""What a probe saw: a value with its bounds, how many samples stand behind it, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from drillbook.model.quantity import Dimension


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at a live system. It knows no threshold.

    ``value`` lies in ``[low, high]``: the interval that the evidence supports (95 % where it is statistical, the value
    itself where it is a count); infinity is an answer that never came. ``value is None`` means that nothing was
    observed, and ``problem`` says why.
    """

    dimension: Dimension
    where: str
    """What was looked at: an object, a URL, a query."""
    at: datetime
    took_seconds: float = 0.0
    value: Decimal | None = None
    text: str | None = None
    """What was seen where the dimension is TEXT, as people read it; value and bounds stay empty then."""
    texts: tuple[str, ...] = ()
    """Each different text of those that ``text`` tells together, where pods or answers differ: all are judged."""
    low: Decimal | None = None
    high: Decimal | None = None
    samples: int = 0
    problem: str = ""
    remedy: str = ""
    """The cheapest way to a surer answer: ``needs 3,000 requests``, ``grant pg_monitor``."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """JSON values only; never a secret."""

    @property
    def nothing(self) -> bool:
        """Whether nothing was observed: no value and no text, or none that a sample stands behind."""
        return self.samples < 1 or (self.value is None and self.text is None)

    def __post_init__(self) -> None:
        if (self.text is not None) and self.dimension is not Dimension.TEXT:
            raise ValueError(f"an observation of {self.dimension.noun} has a number, not a text")
        if self.text is not None and not self.texts:
            object.__setattr__(self, "texts", (self.text,))
        if self.value is None:
            if not self.problem and self.text is None:
                raise ValueError("an observation without a value must say what the problem was")
            return
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if any(number.is_nan() or number == Decimal("-Infinity") for number in (low, self.value, high)):
            raise ValueError(f"an observation's value must be a number, or infinite above: {low}, {self.value}, {high}")
        if not low <= self.value <= high:
            raise ValueError(f"an observation's value must lie within its bounds: {low} <= {self.value} <= {high}")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
