"""The lint tries what a runbook writes; what the policy holds a system to is what it means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.errors import ConfigError
from drillbook.model.expression import spoken_of
from drillbook.model.policy import Policy
from drillbook.places import systems_with_policy
from drillbook.policy import load_policy
from drillbook.policy.lint.expressions import misleading, untried
from tests.probes.scenes import component, objective

SUM = 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'
EACH = 'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m])'


def policy(documented: str, of: str = "errors") -> Policy:
    errors = replace(objective("http.error_ratio"), id="errors")
    query = objective("query.findings", None, query=SUM, of=of, documented=documented)
    return Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {"api": component()}, (errors, query))


def test_a_documented_query_that_misleads_is_a_conflict_with_its_threshold(promtool: Path) -> None:
    (found,) = misleading(policy(EACH))
    assert found.rule == "an expression that misleads"
    assert f"{EACH}, as an alert on errors: it fires while only 0.025 of the requests fail" in found.sentence
    assert len(found.sides) == 2


def test_one_that_says_what_it_means_is_none(promtool: Path) -> None:
    assert not misleading(policy(SUM))


def test_without_promtool_it_says_that_nothing_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.policy.lint.expressions.program", lambda *_: None)
    assert not misleading(policy(EACH))
    assert "shop: its expressions weren't tried" in untried(policy(EACH))
    assert not untried(policy("", of="nothing"))


def test_what_an_expression_speaks_of_must_be_an_objective_that_can_be_tried() -> None:
    with pytest.raises(ConfigError, match="has no objective 'latency'"):
        spoken_of(policy(EACH), "latency")
    with pytest.raises(ConfigError, match=r"on query\.findings can't be tried, only on http\.error_ratio"):
        spoken_of(policy(EACH), "query-findings")


@pytest.mark.parametrize("system", systems_with_policy())
def test_every_expression_of_a_shipped_policy_speaks_of_an_objective_that_can_be_tried(system: str) -> None:
    found = load_policy(Path("systems") / system / "policy.yaml")
    for one in found.objectives:
        if "of" in one.parameters and one.indicator in {"query.findings", "alert.findings"}:
            assert spoken_of(found, one.parameters["of"]).scenarios


def test_all_queries_of_the_shipped_runbooks_are_known_to_mislead(promtool: Path) -> None:
    """Each of these was found by trying it; a policy that says otherwise has changed its mind."""
    found = misleading(load_policy(Path("systems/solar/policy.yaml")))
    assert [one.sides[0].partition(":")[0] for one in found] == ["q-error-ratio", "q-p95", "q-cpu"]
