"""What people attest counts from its moment to its last day, and says what to write where it doesn't."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.clock import SetClock
from drillbook.judge import judge
from drillbook.model.attestation import Attestation
from drillbook.model.observation import Observation
from drillbook.model.verdict import Status
from tests.probes.scenes import component, environment, look, objective

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOMENT = datetime(2026, 11, 20, 18, tzinfo=UTC)


def attested(name: str, when: datetime = MOMENT, **fields: Any) -> Attestation:
    said: dict[str, Any] = {"who": "Ada", "evidence": "OPS-7", "expires": date(2026, 11, 30), "line": 5, "value": ""}
    if "latest" not in fields:
        fields["latest"] = when
    return Attestation(name, earliest=when, **(said | fields))


def seen(indicator: str, *given: Attestation, now: datetime = NOW, **parameters: Any) -> Observation:
    where = environment(attestations={one.attests: one for one in given})
    one = objective(indicator, None, **({"attests": None, "subject": None} | parameters))
    return look(component(), where, one, clock=SetClock(now))[indicator]


def test_the_age_is_what_has_passed_since_the_moment() -> None:
    found = seen("attested.age", attested("attested-age"))
    assert found.value == found.low == found.high == 18 * 3600
    assert found.evidence["who"] == "Ada"
    assert "attestations/test.yaml:5, attested by Ada" in found.where


def test_a_day_without_a_time_leaves_a_days_doubt_and_says_so() -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    found = seen("attested.age", attested("attested-age", day, latest=day + timedelta(days=1, microseconds=-1)))
    assert (found.low, found.high) == (Decimal(12 * 3600), Decimal(36 * 3600))
    assert "time of day" in found.remedy


def test_today_is_never_younger_than_now() -> None:
    day = datetime(2026, 11, 21, tzinfo=UTC)
    found = seen("attested.age", attested("attested-age", day, latest=day + timedelta(days=1, microseconds=-1)))
    assert (found.low, found.high) == (Decimal(0), Decimal(12 * 3600))


def test_a_time_is_what_was_said_of_it() -> None:
    found = seen("attested.time", attested("attested-time", value="12 min"))
    assert found.value == Decimal(720)
    assert found.evidence["value"] == "12 min"


def test_a_fact_is_a_text() -> None:
    found = seen("attested.fact", attested("attested-fact", value="yes"))
    assert (found.text, found.value, found.samples) == ("yes", None, 1)


def test_one_attestation_can_answer_another_objective_that_says_so() -> None:
    assert seen("attested.age", attested("restore-drill"), attests="restore-drill").value == 18 * 3600


@pytest.mark.parametrize("indicator", ["attested.age", "attested.time", "attested.fact"])
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "nobody has attested it"),
        ({"expires": date(2026, 11, 20)}, "the attestation by Ada counted until 2026-11-20 (UTC)"),
        ({"when": NOW + timedelta(days=1)}, "is dated 2026-11-22T12:00Z, which is still to come"),
    ],
)
def test_without_one_that_counts_nothing_is_observed_and_the_file_to_write_is_named(
    indicator: str, given: dict[str, Any], problem: str
) -> None:
    found = seen(indicator, *([attested("it", value="1 h", **given)] if given else []), attests="it")
    assert found.nothing
    assert problem in found.problem
    assert "attestations/test.yaml" in found.remedy
    assert "it in " in found.remedy
    assert judge("shop", objective(indicator), found).status is Status.INCONCLUSIVE


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=400)))
def test_it_counts_to_the_end_of_its_last_day_and_no_longer(after: timedelta) -> None:
    one = attested("x", expires=date(2026, 11, 30))
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert not one.expired(end - after)
    assert one.expired(end)
    assert one.expired(end + after)
