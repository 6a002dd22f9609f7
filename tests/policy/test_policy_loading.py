"""What a good policy becomes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from drillbook.model.limit import Limit
from drillbook.model.policy import Route, Severity, Workload
from drillbook.model.quantity import Dimension
from drillbook.policy import load_policy
from tests.policy.texts import POLICY, changed, written


def test_a_policy_knows_its_system_and_its_runbook(tmp_path: Path) -> None:
    path = written(tmp_path, POLICY)
    policy = load_policy(path)
    assert (policy.system, policy.title, policy.document) == ("orders", "Orders Runbook", "runbook.txt")
    assert policy.path == path
    assert policy.namespaces == ("shop",)


def test_an_objective_carries_its_limit_its_line_in_the_policy_and_its_lines_in_the_runbook(tmp_path: Path) -> None:
    path = written(tmp_path, POLICY)
    latency, connections, _ = load_policy(path).objectives
    assert isinstance(latency.limit, Limit)
    assert (latency.id, latency.limit.comparator, latency.limit.quantity.value) == ("api-latency", "<=", Decimal(2))
    assert latency.parameters == {"percentile": 95.0, "requests": 400, "rate": 100}
    assert (latency.file, latency.line) == (str(path), 18)
    assert str(latency.source) == "runbook.txt:12 (Key Metrics)"
    assert str(connections.source) == "runbook.txt:14-15 (Key Metrics)"
    assert connections.note == "Client sessions only."


def test_a_severity_may_be_one_of_the_runbooks_own_levels(tmp_path: Path) -> None:
    latency, connections, _ = load_policy(written(tmp_path, POLICY)).objectives
    assert latency.severity is Severity.HIGH
    assert connections.severity is Severity.CRITICAL


def test_components_take_the_policys_namespace_unless_they_name_their_own(tmp_path: Path) -> None:
    text = changed(POLICY, "mail: {service: mail}", "mail: {service: mail, namespace: post}")
    policy = load_policy(written(tmp_path, text))
    assert policy.components["api"].namespace == "shop"
    assert policy.components["mail"].namespace == "post"
    assert policy.namespaces == ("post", "shop")


def test_components_say_how_the_platform_knows_them(tmp_path: Path) -> None:
    api = load_policy(written(tmp_path, POLICY)).components["api"]
    assert api.workload == Workload("deployment", "backend")
    assert (api.port, api.health, api.routes) == (8000, "/health", (Route("GET", "/orders"),))
    assert api.writes is not None
    assert api.writes.write == Route("POST", "/orders", body={"key": "{key}"})
    assert api.writes.listing is None


def test_routes_can_have_a_weight_and_a_body(tmp_path: Path) -> None:
    text = changed(
        POLICY, "routes: [GET /orders]", "routes: [GET /a, {method: PUT, path: /b, weight: 3, body: {n: 1, ok: true}}]"
    )
    routes = load_policy(written(tmp_path, text)).components["api"].routes
    assert routes[1] == Route("PUT", "/b", weight=3, body={"n": 1, "ok": True})


def test_severity_levels_keep_their_documented_times(tmp_path: Path) -> None:
    levels = load_policy(written(tmp_path, POLICY)).severities
    assert levels["P0"].response == timedelta(minutes=15)
    assert levels["P0"].resolution == timedelta(hours=1)
    assert levels["P3"].resolution is None


def test_a_drill_names_its_level_and_the_procedure_that_recovers_it(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    (drill,) = policy.drills
    assert (drill.level, drill.recovery, drill.procedure) == ("P0", "procedure", "restart")
    procedure = policy.procedures["restart"]
    assert procedure.within == timedelta(minutes=15)
    assert [step.type for step in procedure.steps] == ["wait_ready", "rollout_restart", "scale"]
    assert procedure.steps[0].within == timedelta(minutes=5)
    assert procedure.steps[0].lines == (31, 31)


def test_a_documented_zero_is_a_zero(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, POLICY))
    assert policy.procedures["restart"].steps[2].values["replicas"] == 0
    none_failed = changed(POLICY, 'limit: "<= 80"', 'limit: "<= 0"')
    assert load_policy(written(tmp_path, none_failed)).objectives[1].limit == Limit.parse("<= 0", Dimension.COUNT)


def test_a_file_with_a_byte_order_mark_is_read_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8-sig")
    assert load_policy(path).system == "orders"
