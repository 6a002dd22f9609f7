"""One status and one exit code for a whole run."""

from __future__ import annotations

import itertools

import pytest

from drillbook.errors import ExitCode
from drillbook.model.drill import DrillResult
from drillbook.model.run import LoadResult
from drillbook.model.verdict import Status
from drillbook.report.outcome import outcome
from tests.report.drill_samples import drill
from tests.report.verdict_samples import broken, unclear, verdict, waived


def test_everything_that_holds_is_a_pass() -> None:
    assert outcome([verdict()], [drill()]) == (Status.PASS, ExitCode.PASS)


def test_a_failure_outweighs_a_doubt_wherever_it_is() -> None:
    for order in itertools.permutations([verdict(), broken(), unclear(), waived()]):
        assert outcome(order) == (Status.FAIL, ExitCode.VIOLATION)


def test_a_doubt_is_never_a_pass() -> None:
    assert outcome([verdict(), unclear()]) == (Status.INCONCLUSIVE, ExitCode.INCONCLUSIVE)


def test_a_waived_violation_does_not_block() -> None:
    assert outcome([verdict(), waived()]) == (Status.WAIVED, ExitCode.PASS)


def test_nothing_judged_is_never_a_pass() -> None:
    assert outcome([]) == (Status.INCONCLUSIVE, ExitCode.NOTHING_SELECTED)
    assert outcome([], [], LoadResult(100, 0, 20, 5)) == (Status.INCONCLUSIVE, ExitCode.NOTHING_SELECTED)


def test_a_failed_drill_fails_the_run() -> None:
    assert outcome([verdict()], [drill(), drill(status=Status.FAIL)]).exit_code == ExitCode.VIOLATION


@pytest.mark.parametrize("needy", [drill(aborted=True), drill(undone=False)])
def test_a_drill_that_needs_a_person_outweighs_everything(needy: DrillResult) -> None:
    assert outcome([broken()], [drill(), needy]).exit_code == ExitCode.DRILL_ABORTED


def test_the_verdicts_of_a_load_test_count() -> None:
    assert outcome([verdict()], [], LoadResult(100, 9, 20, 5, (broken(),))).exit_code == ExitCode.VIOLATION
