"""What a drill says of the alert that tells of its failure, and of how old a restored backup may be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.drills.alert import documented_severity
from drillbook.errors import ConfigError
from drillbook.policy import load_policy
from tests.policy.texts import POLICY, changed, written

SAYING = changed(
    POLICY,
    "    level: P0\n    recovery",
    "    level: P0\n    alert: DatabaseDown\n    recovery_point: 24 h\n    recovery",
)


def test_a_drill_names_its_alert_and_its_recovery_point(tmp_path: Path) -> None:
    (plan, *_) = load_policy(written(tmp_path, SAYING)).drills
    assert (plan.alert, plan.recovery_point) == ("DatabaseDown", timedelta(hours=24))


def test_where_the_runbook_says_nothing_of_them_there_is_nothing(tmp_path: Path) -> None:
    (plan, *_) = load_policy(written(tmp_path, POLICY)).drills
    assert (plan.alert, plan.recovery_point) == ("", None)


def test_a_recovery_point_is_a_duration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"recovery_point"):
        load_policy(written(tmp_path, SAYING.replace("24 h", "soon")))


def test_the_severity_is_that_of_the_objective_that_wants_the_rule_loaded() -> None:
    policy = load_policy(Path(__file__).parents[2] / "systems" / "aic" / "policy.yaml")
    found = documented_severity(policy, "ServiceDown")
    assert found is not None
    assert found.value == "critical"
    assert documented_severity(policy, "NobodyWroteThis") is None
