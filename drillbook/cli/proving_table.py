"""The table that grows while checks or drills are proven: a row for each, as soon as it is known."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from drillbook.judge.objectives import observed
from drillbook.model.proof import Proof, ProofStatus
from drillbook.report.numbers import text
from drillbook.report.spans import span
from drillbook.report.terminal import terminal

_WIDTHS: Final = (11, 26, 18, 18, 8, 8, 0)
"""How many columns of the terminal each cell takes; the last one takes the rest."""


class ProvingTable:
    """Prints one line for each proof; what doesn't fit into its column is cut."""

    def __init__(self, console: Console | None = None, about: str = "objective") -> None:
        """``about``: what is proven."""
        self._console = console or terminal()
        self._headings = ("", about, "seen", "limit", "failed", "back", "planted")
        self._begun = False

    def say(self, sentence: str) -> None:
        """A line between the rows."""
        self._console.print(Text(sentence, style="dim"))

    def add(self, proof: Proof) -> None:
        """One row; the heading before the first one."""
        if not self._begun:
            self._row(self._headings, "bold", "bold")
        self._begun = True
        good = proof.status is ProofStatus.PROVEN
        cells = (
            str(proof.status),
            proof.id.partition("/")[2] or proof.id,
            _seen(proof),
            proof.limit,
            span(proof.detected_seconds),
            span(proof.back_seconds),
            (proof.where or proof.reason) + (" (doesn't pass as documented either)" if proof.unplanted else ""),
        )
        self._row(cells, "green" if good else "bold red", "")

    def _row(self, cells: tuple[str, ...], first: str, others: str) -> None:
        line = Text(no_wrap=True, overflow="ellipsis")
        for number, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True)):
            piece = Text(text(cell), style=others if number else first)
            if width:
                piece.truncate(width, overflow="ellipsis", pad=True)
            line.append_text(piece).append("  ")
        # A log has room for everything; on a terminal, a line that wraps would break the table.
        whole = not self._console.is_terminal
        self._console.print(line, no_wrap=True, overflow="ignore" if whole else "ellipsis", crop=not whole)


def _seen(proof: Proof) -> str:
    """The value that a check observed; of what a drill failed."""
    if proof.detected:
        return observed(proof.detected.objective, proof.detected.observation)
    return proof.seen or "–"
