"""What a run recorded, spoiled in every way: a check that stays green on it is a finding."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.judge import judge
from drillbook.model.limit import Limit
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.model.verdict import Status
from drillbook.proof.offline import OVER, SPOILS, read_run, recorded, spoil_one, spoil_run
from drillbook.report import encode
from tests.judge.records import AT, objective, seen
from tests.proof.worlds import POLICY

IMAGE = replace(objective(), limit=TextLimit.parse("=~ postgres:1[0-9]"), indicator="workload.image")
FOUND = Observation(Dimension.TEXT, "deployment/postgres", AT, text="postgres:15", samples=1)
DISK = replace(objective(dimension=Dimension.RATIO, limit="<= 85 %"), indicator="volume.used_ratio")
FREE = replace(objective(dimension=Dimension.RATIO, limit=">= 99 %"), indicator="http.availability")


def ratio(value: str) -> Observation:
    return seen(value, dimension=Dimension.RATIO)


def document(asked: Objective, observation: Observation) -> dict[str, Any]:
    """A run that judged one objective."""
    found: dict[str, Any] = json.loads(json.dumps(encode.verdict(judge("shop", asked, observation))))
    return {"schema": "drillbook.run/v1", "verdicts": [found]}


@pytest.mark.parametrize(
    ("asked", "observation"),
    [(objective(), seen("1")), (IMAGE, FOUND), (DISK, ratio("0.6")), (FREE, ratio("0.995")), (DISK, ratio("0"))],
    ids=["latency", "image", "disk", "availability", "empty disk"],
)
def test_nothing_spoiled_stays_green(asked: Objective, observation: Observation) -> None:
    found = list(spoil_one("shop", asked, observation))
    assert [one.how for one in found] == list(SPOILS)
    assert not [one for one in found if one.is_finding]
    assert next(one for one in found if one.how == OVER).status is Status.FAIL


def test_a_good_share_told_in_percent_is_not_taken_for_a_very_good_one() -> None:
    found = next(one for one in spoil_one("shop", FREE, ratio("0.995")) if one.how == "percent for a ratio")
    assert found.status is Status.INCONCLUSIVE
    assert "wrong unit?" in found.reason


def test_an_empty_text_that_a_limit_accepts_is_a_finding() -> None:
    anything = replace(IMAGE, limit=TextLimit.parse("!~ .*latest"))
    findings = [one.how for one in spoil_one("shop", anything, FOUND) if one.is_finding]
    assert findings == ["an empty text"]


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">=", "==", "!="])
@given(bound=st.integers(1, 10**12), dimension=st.sampled_from([Dimension.COUNT, Dimension.DURATION, Dimension.BYTES]))
def test_whatever_the_limit_there_is_a_value_just_over_it(comparator: str, bound: int, dimension: Dimension) -> None:
    limit = Limit.parse(f"{comparator} {bound}{' s' if dimension is Dimension.DURATION else ''}", dimension)
    asked = replace(objective(dimension=dimension, limit=str(limit)), limit=limit)
    good = next(value for value in (bound, bound - 1, bound + 1) if limit.holds_at(Decimal(value)))
    found = next(one for one in spoil_one("shop", asked, seen(str(good), dimension=dimension)) if one.how == OVER)
    assert found.status is Status.FAIL


def test_a_run_is_read_back_as_it_was_observed(tmp_path: Path) -> None:
    wanted = seen("1.25", "1", "1.5")
    (tmp_path / "run.json").write_text(json.dumps(document(objective(), wanted)))
    read = read_run(tmp_path)["verdicts"][0]
    assert recorded(read, objective()) == replace(wanted, evidence={})


def test_an_interval_without_an_end_stays_without_one() -> None:
    endless = seen("1", "1", "Infinity")
    verdict = document(objective(), endless)["verdicts"][0]
    assert recorded(verdict, objective()).high == Decimal("Infinity")


def test_what_did_not_pass_is_not_spoiled() -> None:
    policy = replace(POLICY, objectives=(objective(),))
    assert list(spoil_run(document(objective(), seen("3")), policy)) == []


def test_a_run_of_another_policy_is_refused() -> None:
    policy = replace(POLICY, objectives=(objective("<= 3 s"),))
    with pytest.raises(ConfigError, match="check the system again with the present policy"):
        list(spoil_run(document(objective(), seen("1")), policy))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "another/v1"}'])
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ConfigError, match="expected a run"):
        read_run(tmp_path)
