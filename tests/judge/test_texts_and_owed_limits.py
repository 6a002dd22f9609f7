"""Verdicts about texts, and about limits that nobody has given yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drillbook.judge import judge
from drillbook.model.observation import Observation
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import OwedLimit, TextLimit
from drillbook.model.verdict import Status
from tests.judge.records import AT, objective, seen

IMAGE = replace(objective(), limit=TextLimit.parse("== postgres:15"))


def image(text: str | None, samples: int = 1, problem: str = "") -> Observation:
    return Observation(Dimension.TEXT, "deployment/postgres", AT, text=text, samples=samples, problem=problem)


@pytest.mark.parametrize(
    ("text", "status"), [("postgres:15", Status.PASS), ("postgres:16", Status.FAIL), ("", Status.FAIL)]
)
def test_a_text_is_as_documented_or_not(text: str, status: Status) -> None:
    verdict = judge("orders", IMAGE, image(text))
    assert verdict.status is status
    assert (text or "an empty text") in verdict.reason
    assert verdict.margin is None


@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ("!= shop:v1", Status.FAIL),
        ("!~ .*v1", Status.FAIL),
        ("=~ shop:v[0-9]", Status.PASS),
        ("== shop:v1", Status.FAIL),
        ("!= shop:v3", Status.PASS),
    ],
)
def test_every_pod_that_says_something_else_is_judged_by_itself(limit: str, status: Status) -> None:
    """Told together, ``shop:v1, shop:v2`` is neither of the two and would pass whatever forbids one of them."""
    both = replace(image("shop:v1, shop:v2", samples=2), texts=("shop:v1", "shop:v2"))
    assert judge("orders", replace(IMAGE, limit=TextLimit.parse(limit)), both).status is status


def test_a_text_that_nobody_saw_is_inconclusive() -> None:
    assert judge("orders", IMAGE, image(None, problem="the pod is gone")).status is Status.INCONCLUSIVE
    assert judge("orders", IMAGE, image("postgres:15", samples=0)).status is Status.INCONCLUSIVE


def test_nothing_is_judged_by_a_limit_that_the_runbook_owes() -> None:
    owing = replace(objective(), limit=OwedLimit(Dimension.DURATION))
    verdict = judge("orders", owing, seen("0.1"))
    assert verdict.status is Status.INCONCLUSIVE
    assert "runbook.txt:12" in verdict.reason
    assert "say one under limits" in verdict.reason


def test_a_number_has_no_text() -> None:
    with pytest.raises(ValueError, match="has a number"):
        Observation(Dimension.COUNT, "somewhere", AT, text="three")
