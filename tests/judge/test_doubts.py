"""What is not to be believed is neither good nor bad, however good it looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drillbook.judge import judge
from drillbook.model.quantity import Dimension
from drillbook.model.verdict import Status
from tests.judge.records import AT, objective, seen

AVAILABLE = replace(objective(">= 99 %", dimension=Dimension.RATIO), indicator="http.availability")


@pytest.mark.parametrize(("age", "status"), [(timedelta(minutes=59), "pass"), (timedelta(minutes=61), "inconclusive")])
def test_an_observation_of_another_hour_says_nothing_of_now(age: timedelta, status: str) -> None:
    verdict = judge("orders", objective(), seen("1"), AT + age)
    assert verdict.status == status
    assert ("too old to say anything of now; look again" in verdict.reason) == (status == "inconclusive")


def test_without_a_moment_nothing_is_too_old() -> None:
    assert judge("orders", objective(), seen("1")).status is Status.PASS


def test_a_share_above_one_is_a_wrong_unit_and_no_very_good_share() -> None:
    assert judge("orders", AVAILABLE, seen("0.995", dimension=Dimension.RATIO)).status is Status.PASS
    verdict = judge("orders", AVAILABLE, seen("99.5", dimension=Dimension.RATIO))
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.reason.endswith("and http.availability is 1 at most: wrong unit?")


def test_a_ratio_that_may_be_above_one_is_believed() -> None:
    burning = replace(objective("<= 80 %", dimension=Dimension.RATIO), indicator="pod.cpu_ratio")
    assert judge("orders", burning, seen("1.6", dimension=Dimension.RATIO)).status is Status.FAIL
