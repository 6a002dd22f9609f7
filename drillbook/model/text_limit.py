"""Limits on what is no number: an image, a setting, a version. And the limit that a runbook owes us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from drillbook.model.quantity import Dimension

_SHAPE: Final = re.compile(r"\s*(==|!=|=~|!~)\s*(\S.*?)\s*")
REQUIRED: Final = "required"
"""What a policy writes where the runbook gives no number: ``limit: required``."""


@dataclass(frozen=True, slots=True)
class TextLimit:
    """What must hold of a text: ``== postgres:15``, or ``=~ v[0-9.]+`` for a pattern that all of it must match."""

    comparator: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> TextLimit:
        """Read ``== postgres:15``. Raises ValueError with a sentence."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise ValueError(
                f"expected a comparator (==, !=, =~, !~) and a text such as '== postgres:15', found {text!r}"
            )
        if match[1].endswith("~"):
            try:
                re.compile(match[2])
            except re.error as error:
                raise ValueError(
                    f"expected a regular expression after {match[1]}, found {match[2]!r}: {error}"
                ) from None
        return cls(match[1], match[2])

    @property
    def dimension(self) -> Dimension:
        return Dimension.TEXT

    def holds_for(self, text: str) -> bool:
        """Whether a text is good."""
        pattern = self.wanted if self.comparator.endswith("~") else re.escape(self.wanted)
        return (re.fullmatch(pattern, text) is not None) == (self.comparator in {"==", "=~"})

    def __str__(self) -> str:
        return f"{self.comparator} {self.wanted}"


@dataclass(frozen=True, slots=True)
class OwedLimit:
    """A limit that the runbook names without saying it; an environment says it, and until then nothing is judged."""

    dimension: Dimension

    def __str__(self) -> str:
        return "a limit that the runbook doesn't give"
