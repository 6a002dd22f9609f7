"""The soak: every verdict that doesn't pass on a healthy system is a false alarm, told with its evidence."""

from __future__ import annotations

from typing import Any

import pytest

from bench.soak import Round, evidence, judged, main, summary
from tests.conftest import SandboxHandle


def document(*statuses: str, status: str = "pass") -> dict[str, Any]:
    verdicts = [
        {
            "id": f"solar/o{number}",
            "status": one,
            "reason": "expected <= 2 s, observed 3 s",
            "limit": {"text": "<= 2 s"},
            "text": "3 s",
            "where": "https://api.solar.example",
            "evidence": {"samples": 400},
        }
        for number, one in enumerate(statuses)
    ]
    return {"run": {"status": status, "problems": ["interrupted after 2 s"]}, "verdicts": verdicts}


@pytest.mark.parametrize(
    ("statuses", "clean"),
    [(("pass", "waived"), True), (("pass", "fail"), False), (("inconclusive",), False), ((), False)],
)
def test_only_passes_are_clean_and_nothing_checked_is_not(statuses: tuple[str, ...], clean: bool) -> None:
    assert judged(document(*statuses), 5.0, 90.0).clean is clean


def test_a_round_that_was_cut_short_is_not_clean() -> None:
    found = judged(document("pass", status="interrupted"), 5.0, 90.0)
    assert not found.clean
    assert evidence(found) == ["  interrupted after 2 s"]


def test_a_false_alarm_is_told_with_what_it_was_made_of() -> None:
    told = "\n".join(evidence(judged(document("pass", "fail"), 5.0, 90.0)))
    assert "fail solar/o1: expected <= 2 s, observed 3 s" in told
    assert 'evidence {"samples": 400}' in told


def test_the_summary_counts_rounds_times_memory_and_alarms() -> None:
    clean, alarm = judged(document("pass"), 5.0, 90.0), judged(document("fail"), 7.0, 110.0)
    told = summary([clean, alarm, alarm, Round(1.0, 20.0, 0, (), "no run.json")], 100.0, 104.0)
    assert told.startswith("1 of 4 rounds clean, 3 verdicts")
    assert "median 6.0 s, from 1.0 to 7.0 s, 20 s in all" in told
    assert "most 110 MB" in told
    assert "100 MB before, 104 MB after" in told
    assert "false alarm 2 times: solar/o0 (fail)" in told
    assert "no report 1 times" in told


@pytest.mark.parametrize("runs", ["0", "-3", "many", "1.5"])
def test_it_wants_a_number_of_runs(runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--runs", runs])
    assert "expected how many checks, at least 1" in capsys.readouterr().err


def test_a_sandbox_that_is_not_up_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--runs", "1", "--sandbox", "not-there"])
    assert "no sandbox called 'not-there' is up" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_three_checks_of_a_healthy_system_in_a_row_are_clean(
    solar: SandboxHandle, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--runs", "3", "--sandbox", solar.name])
    told = capsys.readouterr().out
    assert code == 0, told
    assert "3 of 3 rounds clean" in told
