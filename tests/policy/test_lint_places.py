"""Contradictions between places of one runbook, between units, and between runbooks; and the ones that are shipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from drillbook.cli import drillbook
from drillbook.model.policy import Objective, Policy, Severity, SeverityLevel, Source
from drillbook.model.requirements import Requirements, Row
from drillbook.places import system_dir
from drillbook.policy import load_policy
from drillbook.policy.lint import Finding, lint, lint_between
from drillbook.policy.requirements import load_requirements
from tests.policy.test_lint import one, rules

LEVEL_SOURCE = Source("runbook.txt", "Levels", (3, 3))


def shop(*objectives: Objective, name: str = "shop", **levels: SeverityLevel) -> Policy:
    return Policy(name, name.title(), f"{name}.txt", Path("policy.yaml"), {}, objectives, levels)


def placed(*rows: tuple[str, str], covering: tuple[Objective, ...]) -> tuple[Finding, ...]:
    limits = tuple(
        Row(name, (n, n), "Replicas", "workload_replicas", "config", value) for n, (name, value) in enumerate(rows, 1)
    )
    return lint(shop(*covering), Requirements(Path("requirements.yaml"), limits, ()))


def test_places_that_leave_a_workload_at_different_sizes_are_one_finding_with_all_lines() -> None:
    scaled = one("scaled", "autoscaler.max_replicas", ">= 8", covers=("error", "latency"))
    floor = one("floor", "workload.ready_replicas", ">= 2", covers=("restored",))
    (found,) = placed(("error", "== 5"), ("latency", "== 8"), ("restored", "== 2"), covering=(scaled, floor))
    assert found.rule == "different replicas"
    assert found.sentence == "api is left with 5, 8 and 2 replicas in different places"
    assert found.sides[0] == "error: Replicas, == 5, shop.txt:1 (answered by scaled, policy.yaml:3)"
    assert len(found.sides) == 3


@pytest.mark.parametrize(
    "rows",
    [
        (("a", "== 3"), ("b", "== 3")),
        (("a", "== 3"), ("b", "== 0")),
        (("a", "== 3"), ("b", ">= 1 pod")),
    ],
)
def test_one_size_a_stop_and_a_floor_are_no_different_sizes(rows: tuple[tuple[str, str], ...]) -> None:
    floor = one("floor", "workload.ready_replicas", ">= 3", covers=("a", "b"))
    assert not placed(*rows, covering=(floor,))


def test_two_workloads_may_have_two_sizes() -> None:
    api = one("api", "workload.ready_replicas", ">= 3", covers=("a",))
    web = one("web", "workload.ready_replicas", ">= 2", "web", covers=("b",))
    assert not placed(("a", "== 3"), ("b", "== 2"), covering=(api, web))


@pytest.mark.parametrize(
    ("absolute", "share"),
    [
        (("http.error_rate", "<= 0.05 /s"), ("http.error_ratio", "< 1 %")),
        (("pod.cpu", "<= 800m"), ("pod.cpu_ratio", "< 70 %")),
        (("database.connections", "<= 90"), ("database.connections_ratio", "< 80 %")),
    ],
)
def test_one_quantity_in_two_units(absolute: tuple[str, str], share: tuple[str, str]) -> None:
    a, b = one("a", *absolute), one("b", *share)
    (found,) = lint(shop(a, b))
    assert found.rule == "two units"
    assert [side.split(":")[0] for side in found.sides] == ["a", "b"]
    assert not lint(shop(a, replace(b, component="web")))
    assert not lint(shop(a, replace(b, parameters={"state": "active"})))


def test_a_pod_is_killed_before_it_uses_all_of_its_memory() -> None:
    full = one("full", "pod.memory_ratio", "< 100 %", parameters={"of": "limit", "statistic": "max"})
    assert rules(lint(shop(full))) == ["an alert that can't fire"]
    assert not lint(shop(replace(full, parameters={"of": "request", "statistic": "max"})))
    assert not lint(shop(one("most", "pod.memory_ratio", "<= 90 %", parameters={"of": "limit"})))


def level(severity: Severity, minutes: int, resolution: int | None = None) -> SeverityLevel:
    times = timedelta(minutes=minutes), None if resolution is None else timedelta(minutes=resolution)
    return SeverityLevel("P1", severity, *times, LEVEL_SOURCE)


def test_a_level_of_one_name_means_one_thing_in_all_runbooks() -> None:
    ours = shop(P1=level(Severity.HIGH, 60))
    (found,) = lint_between([ours, shop(name="bank", P1=level(Severity.CRITICAL, 15))])
    assert (
        found.sentence == "P1 is high and answered within 1 h in shop and critical and answered within 15 min in bank"
    )
    assert found.sides[0] == "severities.P1 of shop: runbook.txt:3 (Levels)"
    assert not lint_between([ours, shop(name="bank", P1=level(Severity.HIGH, 60, resolution=240))])
    assert not lint_between([ours, shop(name="bank", P2=level(Severity.CRITICAL, 15))])


def test_limits_on_one_subject_are_compared_between_runbooks_by_the_strictest() -> None:
    def notice(name: str, limit: str, subject: str | None = "notice") -> Objective:
        return one(name, "attested.time", limit, None, parameters={"subject": subject})

    week = shop(notice("week", ">= 1 w"), notice("less", ">= 1 d"))
    days = shop(notice("days", ">= 48 h"), name="bank")
    (found,) = lint_between([week, days])
    assert found.sentence == "notice: >= 7 d in shop, >= 2 d in bank"
    assert not lint_between([week, shop(notice("same", ">= 7 d"), name="bank")])
    assert not lint_between([week, shop(notice("other", ">= 48 h", "something else"), name="bank")])
    assert not lint_between([week, shop(notice("most", "<= 48 h"), name="bank")])


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("solar", {"different replicas", "different units"}),
        (
            "smartcloudops",
            {
                "different limits",
                "two units",
                "an alert that can't fire",
                "pools beyond the cap",
                "two autoscalers",
                "different replicas",
                "places that differ",
            },
        ),
        ("rag7", {"different replicas"}),
        ("arbor", {"different replicas"}),
        ("aic", {"different limits"}),
    ],
)
def test_the_shipped_runbooks_contradict_themselves(system: str, expected: set[str]) -> None:
    found = lint(load_policy(system_dir(system) / "policy.yaml"), load_requirements(system_dir(system)))
    assert expected <= set(rules(found))
    assert all(finding.sides for finding in found)


def test_the_command_compares_the_runbooks_that_it_is_given() -> None:
    both = CliRunner().invoke(drillbook, ["policy", "lint", "solar", "aic"])
    assert "between runbooks: 1 conflict\n  different limits: notice of a maintenance window" in both.output
    alone = CliRunner().invoke(drillbook, ["policy", "lint", "solar"])
    assert "between runbooks" not in alone.output
