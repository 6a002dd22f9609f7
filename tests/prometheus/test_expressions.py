"""Expressions are tried on series with the fault and without; each wrong way is found, and the right one isn't."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drillbook.clients.promtool import AlertRule, wrong_on
from drillbook.model.expression import metrics_in
from drillbook.model.scenarios import SCENARIOS

ERRORS, ALL = 'rate(http_requests_total{status=~"5.."}[5m])', "rate(http_requests_total[5m])"
BUCKETS = "rate(http_request_duration_seconds_bucket[5m])"
CPU = 'sum by (namespace,pod,container) (rate(container_cpu_usage_seconds_total{container!=""}[5m]))'
PERIODS = "on (namespace,pod,container) (container_spec_cpu_quota / container_spec_cpu_period)"
DISK = "node_filesystem_avail_bytes / node_filesystem_size_bytes"

RIGHT = {
    "error-ratio": ("http.error_ratio", 0.05, f"sum({ERRORS}) / sum({ALL}) > 0.05"),
    "error-rate": ("http.error_rate", 0.05, f"sum({ERRORS}) > 0.05"),
    "latency": ("http.latency", 2, f"histogram_quantile(0.95, sum by (le) ({BUCKETS})) > 2"),
    "cpu-ratio": ("pod.cpu_ratio", 0.8, f"{CPU} / {PERIODS} > 0.8"),
    "cpu": ("pod.cpu", 0.8, f"{CPU} > 0.8"),
    "memory": (
        "pod.memory_ratio",
        0.9,
        'container_memory_working_set_bytes{container!=""} / (container_spec_memory_limit_bytes > 0) > 0.9',
    ),
    "disk": (
        "node.disk_ratio",
        0.85,
        f"1 - {DISK} > 0.85 unless on (instance, mountpoint) node_filesystem_readonly == 1",
    ),
    "up": ("service.up", 1, 'max(up{job="shop-api"}) == 0 or absent(up{job="shop-api"})'),
    "pg-up": ("database.up", 1, "pg_up == 0 or absent(pg_up)"),
    "backends": ("database.connections", 90, "sum by (instance) (pg_stat_database_numbackends) > 90"),
    "pool": ("pool.used_ratio", 0.9, "hikaricp_connections_active / hikaricp_connections_max > 0.9"),
    "restarts": ("pod.restarts", 3, "increase(kube_pod_container_status_restarts_total[15m]) > 3"),
}
WRONG = {
    "ratio-of-vectors-with-other-labels": ("http.error_ratio", 0.05, f"{ERRORS} / {ALL} > 0.05", "only 0.025 of"),
    "rate-instead-of-ratio": ("http.error_ratio", 0.05, f"sum({ERRORS}) > 0.05", "much traffic"),
    "percent-instead-of-ratio": ("http.error_ratio", 0.05, f"sum({ERRORS}) / sum({ALL}) > 5", "silent while 0.1"),
    "irate": ("http.error_ratio", 0.05, f"sum(i{ERRORS}) / sum(i{ALL}) > 0.05", "the last two scrapes"),
    "lifetime-counters": (
        "http.error_ratio",
        0.05,
        'sum(http_requests_total{status=~"5.."}) / sum(http_requests_total) > 0.05',
        "ended 20 minutes ago",
    ),
    "mistakes-of-clients": (
        "http.error_ratio",
        0.05,
        f'sum(rate(http_requests_total{{status=~"[45].."}}[5m])) / sum({ALL}) > 0.05',
        "the client's mistake",
    ),
    "each-series-alone": ("http.error_rate", 0.05, f"{ERRORS} > 0.05", "looks at each alone"),
    "quantile-of-each-series": ("http.latency", 2, f"histogram_quantile(0.95, {BUCKETS}) > 2", "each series alone"),
    "sum-without-le": ("http.latency", 2, f"histogram_quantile(0.95, sum({BUCKETS})) > 2", "is silent while a fifth"),
    "mean-of-quantiles": (
        "http.latency",
        2,
        f"avg(histogram_quantile(0.95, sum by (le, pod) ({BUCKETS}))) > 2",
        "for one pod with hardly a request",
    ),
    "quantile-without-rate": (
        "http.latency",
        2,
        "histogram_quantile(0.95, sum by (le) (http_request_duration_seconds_bucket)) > 2",
        "slow 20 minutes ago",
    ),
    "beyond-the-last-edge": (
        "http.latency",
        15,
        f"histogram_quantile(0.95, sum by (le) ({BUCKETS})) > 15",
        "longer than the histogram's last edge",
    ),
    "cores-instead-of-share": ("pod.cpu_ratio", 0.8, f"{CPU} > 0.8", "it is in cores"),
    "pod-counted-twice": (
        "pod.cpu_ratio",
        0.8,
        "sum by (pod) (rate(container_cpu_usage_seconds_total[5m])) / on (pod) "
        "sum by (pod) (container_spec_cpu_quota / container_spec_cpu_period) > 0.8",
        "a pod's own series counts again",
    ),
    "page-cache": (
        "pod.memory_ratio",
        0.9,
        'container_memory_usage_bytes{container!=""} / (container_spec_memory_limit_bytes > 0) > 0.9',
        "page cache",
    ),
    "no-limit": (
        "pod.memory_ratio",
        0.9,
        "container_memory_working_set_bytes / container_spec_memory_limit_bytes > 0.9",
        "without a limit",
    ),
    "root-s-reserve": (
        "node.disk_ratio",
        0.85,
        "1 - node_filesystem_free_bytes / node_filesystem_size_bytes > 0.85",
        "root's reserve",
    ),
    "gone-is-silent": ("service.up", 1, 'up{job="shop-api"} == 0', "the target is gone"),
    "exporter-gone": ("database.up", 1, "pg_up == 0", "pg_up has no series then"),
    "one-database": ("database.connections", 90, "pg_stat_database_numbackends > 90", "share the server's connections"),
    "mean-of-pools": (
        "pool.used_ratio",
        0.9,
        "avg(hikaricp_connections_active / hikaricp_connections_max) > 0.9",
        "one of several pods has run dry",
    ),
    "since-birth": ("pod.restarts", 3, "kube_pod_container_status_restarts_total > 3", "long ago"),
    "not-promql": ("pod.cpu", 0.8, "rate(container_cpu_usage_seconds_total[5m) > 0.8", "promtool can't read it"),
}
LABELS = {"namespace": "shop", "job": "api"}


def tried(indicator: str, limit: float, expression: str, seconds: float = 0) -> tuple[str, ...]:
    rule = AlertRule("Tried", expression, seconds)
    return asyncio.run(wrong_on(rule, SCENARIOS[indicator](limit), LABELS))


@pytest.mark.parametrize("case", RIGHT)
def test_an_expression_that_says_what_it_means_has_no_findings(case: str, promtool: Path) -> None:
    assert tried(*RIGHT[case]) == ()


@pytest.mark.parametrize("case", WRONG)
def test_each_wrong_way_is_found_and_named(case: str, promtool: Path) -> None:
    indicator, limit, expression, words = WRONG[case]
    assert words in " / ".join(tried(indicator, limit, expression))


def test_a_rule_that_waits_is_looked_at_after_its_wait(promtool: Path) -> None:
    indicator, limit, expression = RIGHT["pool"]
    assert tried(indicator, limit, expression, seconds=600) == ()


def test_labels_that_the_expression_asks_for_are_given_to_the_series(promtool: Path) -> None:
    expression = 'max(pg_stat_database_numbackends{cluster="main",namespace="shop"}) > 90'
    assert tried("database.connections", 90, expression) == (
        "it is silent where several databases share the server's connections",
    )


@pytest.mark.parametrize(
    ("query", "metrics"),
    [
        ("up", ("up",)),
        (f"sum({ERRORS}) / sum({ALL})", ("http_requests_total",)),
        (
            f"{CPU} / {PERIODS}",
            ("container_cpu_usage_seconds_total", "container_spec_cpu_quota", "container_spec_cpu_period"),
        ),
        ('a:b:rate5m{x="rate"} offset 5m and on (pod) min_over_time(c[1h:5m]) # d', ("a:b:rate5m", "c")),
        ("1 - (x > bool 1e3)", ("x",)),
    ],
)
def test_the_metrics_of_a_query_are_its_names_that_are_no_functions_labels_or_words(
    query: str, metrics: tuple[str, ...]
) -> None:
    assert metrics_in(query) == metrics
