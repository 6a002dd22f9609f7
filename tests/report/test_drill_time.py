"""Whose time a drill is held to: the runbook's with its line, or the environment's with its reason, and never mixed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.report.drill_samples import drill
from tests.report.samples import run
from tests.report.test_html import html
from tests.report.test_terminal import printed

OURS = "environments/sandbox.yaml:66: ours: the documented steps without people"
RUNBOOK = "runbook.md:82 (Incident Response > Response Times), P0"


@pytest.mark.parametrize(
    ("said_at", "ours", "words", "never"),
    [(OURS, True, "given here: 1 h", "documented: 1 h"), (RUNBOOK, False, "documented: 1 h", "given here")],
)
def test_every_report_says_whose_it_is_and_where(said_at: str, ours: bool, words: str, never: str) -> None:
    found = run([], [replace(drill(), limit_from=said_at, limit_ours=ours)])
    for text in (" ".join(printed(found).split()), html(found)):
        assert words in text
        assert said_at.replace(">", "&gt;") in text or said_at in text
        assert never not in text
