"""The terminal summary: verdict first, nothing lost at any width, plain where there is no terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from drillbook.report import encode
from drillbook.report.terminal import summary
from tests.report.drill_samples import drill
from tests.report.samples import run, samples
from tests.report.verdict_samples import verdict


def printed(name_or_run: object, width: int = 100, colour: bool = False) -> str:
    record = samples()[name_or_run] if isinstance(name_or_run, str) else name_or_run
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, highlight=False)
    document = encode.run(record)  # type: ignore[arg-type]
    console.print(summary(document, Path("reports/x/report.html"), console))
    return out.getvalue()


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_every_kind_of_run_fits_every_width(name: str, width: int) -> None:
    assert all(len(line) <= width for line in printed(name, width).splitlines())


@pytest.mark.parametrize("name", samples())
def test_a_file_gets_no_escape_sequences(name: str) -> None:
    assert "\x1b" not in printed(name)


def test_a_terminal_gets_colours_unless_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in printed("fail", colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in printed("fail", colour=True)


def test_escape_sequences_from_the_system_under_test_never_reach_the_terminal() -> None:
    hostile = printed(run([verdict(reason="\x1b]0;title\x07", where="\x1b[2J")]))
    assert "\x1b" not in hostile
    assert "\x07" not in hostile


def test_the_verdict_comes_first() -> None:
    first, second = [line for line in printed("fail").splitlines() if line.strip()][:2]
    assert first.startswith(" FAIL ")
    assert second == "Of 12 limits, 1 is broken and 11 hold. Of 2 drills, 1 failed and 1 recovered."


def test_a_failure_is_told_in_full() -> None:
    text = printed("fail")
    for part in ("<= 2 s", "3.04 s (3.01 s to 3.19 s), 400 samples", "api.solar.example", "operations-runbook.md:232"):
        assert part in text


def test_a_drill_tells_outage_recovery_and_writes() -> None:
    text = printed(run([], [drill()]))
    for part in ("outage    1.40 s", "1.40 s to 1.46 s, documented: 1 h", "251 acknowledged, 0 lost"):
        assert part in text


def test_a_drill_without_an_outage_says_none() -> None:
    assert "outage    none" in printed(run([], [drill(outage=0)]))


def test_the_report_is_named_last() -> None:
    assert printed("pass").rstrip().endswith("report: reports/x/report.html")


def test_an_interrupted_run_never_reads_like_a_pass() -> None:
    text = printed("interrupted")
    assert " INTERRUPTED " in text
    assert "The run did not come to its end. By then: all 4 limits hold." in text
