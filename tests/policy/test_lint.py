"""The lint finds each sort of contradiction, and is silent where both sides can be true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.indicators import INDICATORS
from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective, Policy, Severity, SeverityLevel, Source
from drillbook.model.quantity import Dimension
from drillbook.model.requirements import Requirements, Row
from drillbook.model.text_limit import TextLimit
from drillbook.policy.lint import Finding, lint
from drillbook.policy.lint.units import dimension_of

HIGH, LOW = Severity.HIGH, Severity.LOW


def one(name: str, indicator: str, limit: str, component: str | None = "api", **more: Any) -> Objective:
    parameters = more.get("parameters", {})
    dimension = INDICATORS[indicator].dimension_for(parameters) if indicator in INDICATORS else more["dimension"]
    read = TextLimit.parse(limit) if dimension is Dimension.TEXT else Limit.parse(limit, dimension)
    return Objective(
        id=name,
        indicator=indicator,
        component=component,
        parameters=parameters,
        limit=read,
        severity=more.get("severity", HIGH),
        source=Source("runbook.txt", "Section", more.get("lines", (7, 7))),
        line=3,
        file="policy.yaml",
        covers=more.get("covers", (name,)),
        tags=more.get("tags", ()),
    )


def linted(*objectives: Objective, natures: dict[str, str] | None = None, **fields: Any) -> tuple[Finding, ...]:
    policy = Policy(
        "shop", "Shop", "runbook.txt", Path("policy.yaml"), fields.pop("components", {}), objectives, **fields
    )
    rows = tuple(Row(name, (1, 1), "about", "kind", nature) for name, nature in (natures or {}).items())
    return lint(policy, Requirements(Path("requirements.yaml"), rows, ()))


def rules(found: Iterable[Finding]) -> list[str]:
    return [finding.rule for finding in found]


P95 = {"percentile": 95}


@pytest.mark.parametrize(
    ("limits", "conflict"),
    [
        (("== 100", "== 200"), True),
        (("== 100", "== 100"), False),
        (("== 3", ">= 2"), False),
        (("== 3", ">= 4"), True),
        (("<= 2", ">= 3"), True),
        (("<= 3", ">= 3"), False),
        (("< 3", ">= 3"), True),
        (("<= 80", "<= 90"), True),
        (("<= 80", "<= 80"), False),
        (("!= 3", "== 3"), True),
    ],
)
def test_two_limits_on_one_thing(limits: tuple[str, str], conflict: bool) -> None:
    both = [one(f"o{n}", "database.max_connections", limit) for n, limit in enumerate(limits)]
    assert rules(linted(*both)) == ["different limits"] * conflict
    assert rules(linted(*reversed(both))) == ["different limits"] * conflict


def test_a_finding_has_both_lines() -> None:
    (found,) = linted(
        one("a", "database.max_connections", "== 100", lines=(12, 12)),
        one("b", "database.max_connections", "== 200", lines=(90, 92)),
    )
    assert found.sides == (
        "a: == 100, policy.yaml:3, runbook.txt:12 (Section)",
        "b: == 200, policy.yaml:3, runbook.txt:90-92 (Section)",
    )


def test_other_parameters_or_another_component_are_another_thing() -> None:
    p99 = one("a", "http.latency", "<= 1 s", parameters={"percentile": 99})
    assert not linted(p99, one("b", "http.latency", "<= 2 s", parameters=P95))
    assert not linted(p99, one("b", "http.latency", "<= 2 s", "web", parameters={"percentile": 99}))
    assert rules(linted(p99, one("b", "http.latency", "<= 2 s", parameters={"percentile": 99, "rate": 7})))


def test_a_target_inside_its_alert_is_meant_so_and_an_alert_inside_its_target_is_not() -> None:
    pair = (
        one("inner", "http.latency", "<= 500 ms", parameters=P95),
        one("outer", "http.latency", "<= 2 s", parameters=P95),
    )
    assert not linted(*pair, natures={"inner": "target", "outer": "alert"})
    (found,) = linted(*pair, natures={"inner": "alert", "outer": "target"})
    assert "is broken while the target" in found.sentence
    assert linted(*pair, natures={"inner": "alert", "outer": "alert"})


def test_a_mild_level_before_a_severe_one_is_meant_so() -> None:
    warning = one("warning", "http.latency", "<= 1 s", parameters=P95, severity=LOW)
    alarm = one("alarm", "http.latency", "<= 2 s", parameters=P95)
    assert not linted(warning, alarm)
    assert linted(replace(warning, severity=HIGH), replace(alarm, severity=LOW))


def test_texts_that_differ_are_a_conflict_and_a_pattern_that_fits_is_none() -> None:
    name = {"name": "x", "as": "text"}
    exact = one("a", "database.setting", "== on", parameters=name)
    assert linted(exact, one("b", "database.setting", "== off", parameters=name))
    assert not linted(exact, one("b", "database.setting", "=~ o.", parameters=name))
    assert linted(exact, one("b", "database.setting", "=~ f.+", parameters=name))


def test_attested_ones_are_compared_by_their_subject_only() -> None:
    def time(name: str, limit: str, subject: str | None) -> Objective:
        return one(name, "attested.time", limit, None, parameters={"attests": None, "subject": subject})

    assert linted(time("a", "<= 5 min", "P0 response"), time("b", "<= 15 min", "P0 response"))
    assert not linted(time("a", "<= 5 min", "P0 response"), time("b", "<= 15 min", "P1 response"))
    assert not linted(time("a", "<= 5 min", None), time("b", "<= 15 min", None))


def test_an_alert_above_the_resource_limit_can_not_fire() -> None:
    alert = one("alert", "pod.cpu", "<= 800m")
    limit = one("limit", "workload.cpu", "== 500m", parameters={"bound": "limit"})
    assert rules(linted(alert, limit)) == ["an alert that can't fire"]
    assert not linted(alert, replace(limit, parameters={"bound": "request"}))
    assert not linted(alert, replace(limit, component="web"))
    assert not linted(one("alert", "pod.cpu", "<= 400m"), limit)
    assert rules(linted(one("alert", "pod.cpu", "<= 500m"), limit))
    assert not linted(one("alert", "pod.cpu", "< 500m"), limit)


def setting(name: str, value: int) -> Objective:
    return one(name.casefold(), "config.value", f"== {value}", parameters={"name": name, "as": "count"})


def test_pools_that_take_more_than_the_database_has() -> None:
    cap = one("cap", "database.max_connections", "== 100", "database")
    replicas = one("replicas", "workload.desired_replicas", "== 3")
    pools = [setting("SQLALCHEMY_POOL_SIZE", 10), setting("SQLALCHEMY_MAX_OVERFLOW", 5)]
    assert not linted(cap, replicas, *pools)
    (found,) = linted(cap, replicas, *pools, setting("WEB_CONCURRENCY", 4))
    assert found.rule == "pools beyond the cap"
    assert found.sentence == "all pools together can take 180 connections, and database takes 100"
    assert len(found.sides) == 5
    scaled = one("most", "autoscaler.max_replicas", "== 10")
    assert "150 connections" in linted(cap, replicas, *pools, scaled)[0].sentence


def test_without_a_documented_cap_the_server_has_its_own() -> None:
    server = Component("database", "shop", engine="postgres")
    pools = setting("HIKARI_MAXIMUM_POOL_SIZE", 60), one("replicas", "workload.desired_replicas", "== 2")
    (found,) = linted(*pools, components={"database": server})
    assert found.sentence == "all pools together can take 120 connections, and database takes 100 by default"
    assert "PostgreSQL's own default" in found.sides[-1]
    assert not linted(*pools)


def test_two_autoscalers_on_one_target() -> None:
    cpu = one("cpu", "autoscaler.cpu_target", "== 70 %", lines=(100, 100))
    memory = one("memory", "autoscaler.memory_target", "== 80 %", lines=(120, 140))
    assert rules(linted(cpu, memory)) == ["two autoscalers"]
    assert not linted(cpu, replace(memory, source=Source("runbook.txt", "Section", (101, 104))))
    assert rules(linted(one("count", "autoscaler.count", "== 2"))) == ["two autoscalers"]
    assert not linted(one("count", "autoscaler.count", "== 1"))


def test_replica_counts_that_differ() -> None:
    drawn = one("drawn", "workload.ready_replicas", ">= 3")
    assert rules(linted(drawn, one("said", "workload.desired_replicas", "== 5"))) == ["different replicas"]
    assert not linted(drawn, one("said", "workload.desired_replicas", "== 3"))
    assert rules(linted(drawn, one("least", "autoscaler.min_replicas", "== 4"))) == ["different replicas"]
    assert not linted(drawn, one("least", "autoscaler.min_replicas", "== 2"))
    assert rules(linted(drawn, one("most", "autoscaler.max_replicas", "== 2"))) == ["different replicas"]


def test_response_times_that_differ_for_one_level() -> None:
    level = SeverityLevel(
        "P0", HIGH, timedelta(minutes=15), timedelta(hours=1), Source("runbook.txt", "Levels", (3, 3))
    )
    about = {"attests": None, "subject": "P0 response"}
    five = one("five", "attested.time", "<= 5 min", None, parameters=about)
    (found,) = linted(five, severities={"P0": level})
    assert found.sides[0] == "severities.P0: 15 min, runbook.txt:3 (Levels)"
    same = one("same", "attested.time", "<= 15 min", None, parameters=about)
    assert not linted(same, severities={"P0": level})


@pytest.mark.parametrize(
    ("expression", "returned"),
    [
        ('rate(http_requests_total{status=~"5.."}[5m])', Dimension.RATE),
        ('sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))', Dimension.RATIO),
        ("rate(container_cpu_usage_seconds_total[5m]) > 0.8", Dimension.CORES),
        ("histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > 2", Dimension.DURATION),
        ("container_memory_usage_bytes / container_spec_memory_limit_bytes > 0.9", Dimension.RATIO),
        ("pg_stat_activity_count > 80", Dimension.COUNT),
        ("up == 0", None),
        ("nonsense((", None),
    ],
)
def test_the_unit_of_a_query_is_read_off_its_metrics(expression: str, returned: Dimension | None) -> None:
    assert dimension_of(expression) is returned


@given(st.text(max_size=200))
def test_any_expression_has_a_unit_or_none(expression: str) -> None:
    dimension_of(expression)


def test_a_limit_in_another_unit_than_its_query() -> None:
    ratio = one("errors", "http.error_ratio", "<= 5 %")
    query = one(
        "query",
        "query.findings",
        "== 0",
        dimension=Dimension.COUNT,
        parameters={"query": "up", "documented": 'rate(http_requests_total{status=~"5.."}[5m])', "of": "errors"},
    )
    (found,) = linted(ratio, query)
    assert (found.rule, found.sentence) == (
        "different units",
        "errors is limited in a ratio, and its query returns a rate",
    )
    assert not linted(ratio, replace(query, parameters={**query.parameters, "of": "another"}))
    share = "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m]))"
    assert not linted(ratio, replace(query, parameters={**query.parameters, "documented": share}))
    assert not linted(ratio, replace(query, parameters={"query": share, "documented": None, "of": "errors"}))


@pytest.mark.parametrize(
    ("values", "conflict"),
    [(("== 5 d", "== 8 d"), True), (("== 5 d", "== 5 d"), False), (("== 5 d", "all of them"), False)],
)
def test_an_entry_that_stands_for_places_that_differ(values: tuple[str, str], conflict: bool) -> None:
    kept = one("kept", "backup.span", ">= 5 d", covers=("here", "there"), parameters={"path": "/x"})
    places = [
        Row(n, (9, 9), "Dumps kept", "backup_retention", "config", v)
        for n, v in zip(("here", "there"), values, strict=True)
    ]
    policy = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {}, (kept,))
    found = lint(policy, Requirements(Path("requirements.yaml"), tuple(places), ()))
    assert rules(found) == ["places that differ"] * conflict
    assert (
        not conflict or found[0].sides[0] == "here: Dumps kept, == 5 d, runbook.txt:9 (answered by kept, policy.yaml:3)"
    )
