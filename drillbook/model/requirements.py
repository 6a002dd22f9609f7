"""Every row of a runbook that a policy has to answer: what coverage counts against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One limit or one procedure of a runbook."""

    id: str
    lines: tuple[int, int]
    about: str
    kind: str = ""
    """What sort of limit it is; empty for a procedure."""
    nature: str = ""
    """``alert``, ``target``, ``config``, ``process`` ...; empty for a procedure."""
    value: str = ""
    """As the runbook states it; empty for a procedure."""

    @property
    def span(self) -> str:
        """Its lines as sentences cite them: ``232`` or ``315-336``."""
        first, last = self.lines
        return str(first) if first == last else f"{first}-{last}"


@dataclass(frozen=True, slots=True)
class Requirements:
    """All rows of one runbook."""

    path: Path
    limits: tuple[Row, ...]
    procedures: tuple[Row, ...]
