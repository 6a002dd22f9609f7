"""Rules that are loaded, rules that mislead, and who an Alertmanager tells."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.promtool import needed_program, receivers_of
from drillbook.errors import Unreachable
from drillbook.model.environment import Environment, EnvironmentClass, Reach
from drillbook.model.observation import Observation
from drillbook.model.policy import Component, Policy
from drillbook.places import program
from drillbook.probes import collect
from tests.probes.scenes import component, objective

ROUTES = """
route:
  receiver: info
  routes:
    - {matchers: ['severity="critical"'], receiver: pager, continue: true}
    - {matchers: ['severity="critical"'], receiver: chat}
receivers:
  - {name: info}
  - {name: pager, pagerduty_configs: [{routing_key: <secret>}]}
  - name: chat
    slack_configs: [{channel: "#alerts", api_url: <secret>}, {channel: "#alerts", api_url: <secret>}]
"""


def ask(address: str, indicator: str, **parameters: Any) -> Observation:
    errors = replace(objective("http.error_ratio"), id="errors")
    asked = replace(objective(indicator, None, **parameters), via="prometheus")
    prometheus = Component("prometheus", "monitoring", service="prometheus", port=9090, engine="prometheus")
    parts = {"api": component(), "prometheus": prometheus}
    policy = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), parts, (errors, asked))
    reaches = {"prometheus": Reach(address=f"http://{address}")}
    where = Environment("test", EnvironmentClass.STAGING, Path("environments/test.yaml"), components=reaches)
    return collect(policy, where, (asked,))[asked.id]


def test_a_rule_that_is_loaded_and_evaluated_is_1_and_one_that_nobody_loaded_is_0(remembering: str) -> None:
    seen = ask(remembering, "alert.loaded", alert="HighErrorRatio")
    assert seen.value == 1, seen.problem
    assert seen.evidence["rules"][0]["for_seconds"] == 120
    assert ask(remembering, "alert.loaded", alert="HighErorRatio").value == 0


def test_a_rule_that_can_t_be_evaluated_counts_as_not_loaded(remembering: str) -> None:
    seen = ask(remembering, "alert.loaded", alert="Broken")
    assert seen.value == 0
    assert "many-to-many" in seen.evidence["rules"][0]["problem"]


def test_a_sound_rule_has_no_findings_and_a_misleading_one_names_them(remembering: str) -> None:
    assert ask(remembering, "alert.findings", alert="HighErrorRatio", of="errors").value == 0
    seen = ask(remembering, "alert.findings", alert="HighErrorRate", of="errors")
    assert seen.value
    assert "it fires at half the limit where there is much traffic" in seen.evidence["wrong"]


def test_findings_of_a_rule_that_isn_t_there_are_none_and_not_zero(remembering: str) -> None:
    seen = ask(remembering, "alert.findings", alert="Nothing", of="errors")
    assert seen.nothing
    assert "no such rule is loaded" in seen.problem


def test_a_query_of_a_metric_that_nobody_exports_is_a_finding(remembering: str) -> None:
    right = 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'
    assert ask(remembering, "query.findings", query=right, of="errors").value == 0
    seen = ask(remembering, "query.findings", query=right.replace("http_requests_total", "requests_total"), of="errors")
    assert "there is no metric requests_total" in seen.evidence["wrong"]


def test_a_query_about_nothing_that_the_policy_has_is_a_sentence(remembering: str) -> None:
    seen = ask(remembering, "query.findings", query="up", of="latency")
    assert "the policy has no objective 'latency'" in seen.problem


@pytest.fixture
def amtool() -> None:
    if program("amtool") is None:
        if os.environ.get("CI"):
            pytest.fail("this machine has no amtool, and scripts/prometheus couldn't get it")
        pytest.skip("this machine has no amtool, and scripts/prometheus couldn't get it")


@pytest.mark.usefixtures("amtool")
def test_all_receivers_on_the_way_are_told_each_channel_once() -> None:
    told = asyncio.run(receivers_of(ROUTES, {"severity": "critical"}))
    assert told.names == ("pager", "chat")
    assert told.channels == ("pagerduty", "slack #alerts")
    assert asyncio.run(receivers_of(ROUTES, {"severity": "info"})).channels == ()


@pytest.mark.usefixtures("amtool")
def test_a_configuration_that_amtool_can_t_read_is_a_sentence() -> None:
    with pytest.raises(Unreachable, match="amtool can't read the Alertmanager's configuration"):
        asyncio.run(receivers_of("route: {receiver: nobody}", {"severity": "info"}))


def test_a_machine_without_the_tools_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.clients.promtool.program", lambda *_: None)
    with pytest.raises(Unreachable, match="this machine has no promtool: get it with scripts/prometheus"):
        needed_program("promtool")
