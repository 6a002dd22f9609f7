"""A node's ``/metrics/cadvisor``: each container, and each pod as a whole beside them, as on a cluster."""

from __future__ import annotations

from typing import Any

from drillbook.clients.exposition import samples
from drillbook.sandbox.api.cadvisor import page

AT = "2026-11-21T12:00:00Z"


def container(name: str, cores: float, memory: int) -> dict[str, Any]:
    return {
        "name": name,
        "cpu": {"time": AT, "usageNanoCores": 0, "usageCoreNanoSeconds": round(cores * 1e9)},
        "memory": {"time": AT, "workingSetBytes": memory, "rssBytes": memory},
    }


def told(limits: dict[str, str]) -> dict[tuple[str, str], float]:
    """The page's values by metric and container."""
    summary = {
        "node": {},
        "pods": [
            {
                "podRef": {"name": "a", "namespace": "shop"},
                "containers": [container("app", 3, 100), container("side", 1, 20)],
            },
            {"podRef": {"name": "starting", "namespace": "shop"}, "containers": []},
        ],
    }
    spec = {
        "containers": [{"name": name, "image": "app:1", "resources": {"limits": limits}} for name in ("app", "side")]
    }
    text = page(summary, {("shop", "a"): {"spec": spec}})
    return {(one.name, one.labels["container"]): one.value for one in samples(text)}


def test_each_container_says_what_it_uses_and_what_it_may() -> None:
    found = told({"cpu": "500m", "memory": "1Ki"})
    assert found["container_cpu_usage_seconds_total", "app"] == 3
    assert found["container_memory_working_set_bytes", "side"] == 20
    assert found["container_spec_cpu_quota", "app"] / found["container_spec_cpu_period", "app"] == 0.5
    assert found["container_spec_memory_limit_bytes", "app"] == 1024


def test_a_pod_has_a_series_of_its_own_that_sums_its_containers_up() -> None:
    assert told({})["container_cpu_usage_seconds_total", ""] == 4


def test_without_a_limit_there_is_no_quota_and_memory_is_said_to_be_0() -> None:
    found = told({})
    assert ("container_spec_cpu_quota", "app") not in found
    assert found["container_spec_memory_limit_bytes", "app"] == 0
