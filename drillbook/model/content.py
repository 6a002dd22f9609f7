"""What a table holds, as far as two looks at it can be compared: how many rows, and a digest of them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableContent:
    """One table at one moment."""

    rows: int
    digest: str
    """The same for the same rows in whatever order; nothing of them can be read from it."""


type Content = Mapping[str, TableContent]
"""By table, with its schema."""
