"""In what time a drill must recover: the runbook's, or, where it gives none, an environment's with its reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.model.environment import Environment
from drillbook.model.policy import DrillPlan, Policy
from drillbook.policy import load_environment, load_policy
from drillbook.policy.given_times import time_limit
from tests.policy.texts import ENVIRONMENT, POLICY, changed, written

OWING = changed(POLICY, "    level: P0\n    recovery", "    within: required\n    recovery")
OWN = changed(POLICY, "    level: P0\n    recovery", "    level: P0\n    within: 15 min\n    recovery")
SANDBOX = ENVIRONMENT.partition("class:")[0] + "class: sandbox\n"
TIMES = 'drill_times:\n  db-kill: {within: 2 min, reason: "ours: twice what it takes"}\n'


def loaded(folder: Path, policy_text: str, environment_text: str) -> tuple[Policy, Environment, DrillPlan]:
    policy = load_policy(written(folder, policy_text))
    written(folder, environment_text, "environments/here.yaml")
    return policy, load_environment(folder, "here", policy), policy.drills[0]


def test_the_level_says_it_with_the_line_of_the_runbook(tmp_path: Path) -> None:
    found = time_limit(*loaded(tmp_path, POLICY, SANDBOX))
    assert found is not None
    assert (found.time, found.said_at, found.ours) == (timedelta(hours=1), "runbook.txt:3 (Levels), P0", False)


def test_a_drill_s_own_documented_time_goes_before_its_level_s(tmp_path: Path) -> None:
    found = time_limit(*loaded(tmp_path, OWN, SANDBOX))
    assert found is not None
    assert (found.time, found.said_at) == (timedelta(minutes=15), "runbook.txt:3 (Levels)")


def test_nobody_s_time_is_none_and_not_forever(tmp_path: Path) -> None:
    assert time_limit(*loaded(tmp_path, OWING, SANDBOX)) is None


@pytest.mark.parametrize("environment", [SANDBOX, ENVIRONMENT])
def test_an_environment_gives_what_the_runbook_owes_and_says_why(tmp_path: Path, environment: str) -> None:
    text = environment + TIMES
    found = time_limit(*loaded(tmp_path, OWING, text))
    assert found is not None
    assert (found.time, found.ours) == (timedelta(minutes=2), True)
    assert found.said_at.endswith(f"here.yaml:{text.count(chr(10))}: ours: twice what it takes")


def test_a_sandbox_may_have_another_time_than_the_runbook(tmp_path: Path) -> None:
    found = time_limit(*loaded(tmp_path, POLICY, SANDBOX + TIMES))
    assert found is not None
    assert (found.time, found.ours) == (timedelta(minutes=2), True)


@pytest.mark.parametrize(
    ("policy_text", "line", "sentence"),
    [
        (POLICY, "  db-kill: {within: 2 min, reason: ours}", "only a sandbox can have another"),
        (OWING, "  db-kil: {within: 2 min, reason: ours}", "the policy has no drill 'db-kil'; did you mean 'db-kill'?"),
        (OWING, "  db-kill: {within: 2 min}", "reason: expected why this time, and who decided"),
        (OWING, "  db-kill: {reason: ours}", "within: expected a duration such as '15 min'"),
        (OWING, "  db-kill: {within: 0 s, reason: ours}", "expected a duration above zero"),
        (OWING, "  db-kill: {within: 2 min, reason: ours, level: P0}", "level: unknown key"),
        (OWING, "  db-kill: 2 min", "expected a mapping"),
    ],
)
def test_a_given_time_that_makes_no_sense_is_refused_at_its_line(
    tmp_path: Path, policy_text: str, line: str, sentence: str
) -> None:
    text = ENVIRONMENT + f"drill_times:\n{line}\n"
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, policy_text, text)
    assert sentence in str(caught.value)
    assert f"environments/here.yaml:{text.count(chr(10))}: drill_times." in str(caught.value)
