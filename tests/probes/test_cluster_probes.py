"""Probes that look at a cluster: what they say of things that are missing, unlimited or not there at all."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from drillbook.clients.kube import Kube, path_of
from tests.conftest import SandboxHandle
from tests.probes.solar_looks import SOLAR, created, seen


def test_a_workload_that_is_not_there_is_a_sentence_and_no_value(solar: SandboxHandle) -> None:
    for indicator in ("workload.ready_replicas", "workload.cpu", "pod.cpu_ratio", "volume.used_ratio"):
        found = seen(solar, indicator, workload="no-such-thing")
        assert found.value is None
        assert found.problem == f"deployment/no-such-thing of component 'api' isn't in namespace {SOLAR}"


def test_ready_replicas_come_with_what_was_wanted(solar: SandboxHandle) -> None:
    found = seen(solar, "workload.ready_replicas")
    assert found.value == 3
    assert found.evidence["wanted"] == 3
    assert found.evidence["observed_generation"] == found.evidence["generation"]


def test_requests_and_limits_are_exact(solar: SandboxHandle) -> None:
    assert seen(solar, "workload.cpu", parameters={"bound": "request"}).value == Decimal("0.5")
    assert seen(solar, "workload.memory", parameters={"bound": "limit"}).value == 2 * 1024**3


def test_a_container_that_is_not_there_is_named_beside_those_that_are(solar: SandboxHandle) -> None:
    found = seen(solar, "workload.cpu", parameters={"bound": "limit", "container": "sidecar"})
    assert "no container 'sidecar'" in found.problem
    assert "one of backend" in found.problem


def test_a_limit_that_is_not_set_has_no_value_and_no_ratio(solar: SandboxHandle) -> None:
    container = {"name": "greedy", "image": "busybox", "command": ["sleep", "60"]}
    labels = {"app": "greedy"}
    greedy = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "greedy"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }
    with created(solar, path_of("deployments", SOLAR), greedy):
        limit = seen(solar, "workload.memory", workload="greedy", parameters={"bound": "limit"})
        wait_for_a_pod(solar, "app=greedy")
        ratio = seen(solar, "pod.memory_ratio", workload="greedy")
    assert (limit.value, limit.remedy) == (None, "set resources.limits.memory")
    assert ratio.value is None
    assert ratio.problem.startswith("no memory limit, so no ratio: greedy-")


def wait_for_a_pod(solar: SandboxHandle, labels: str) -> None:
    async def run() -> None:
        async with Kube.connect(solar.kubeconfig, None) as kube, asyncio.timeout(10):
            async for _ in kube.watch(path_of("pods", SOLAR), seconds=10, labels=labels):
                break

    asyncio.run(run())


def test_the_worst_pod_is_named_and_every_pod_is_in_the_evidence(solar: SandboxHandle) -> None:
    found = seen(solar, "pod.memory_ratio")
    ratios = [use["ratio"] for use in found.evidence["uses"]]
    assert len(ratios) == 3
    assert found.value is not None
    assert float(found.value) == pytest.approx(max(ratios), abs=1e-4)
    assert f"worst is {found.evidence['uses'][0]['pod']}/backend" in found.where


def test_a_workload_without_a_volume_has_nothing_to_fill(solar: SandboxHandle) -> None:
    found = seen(solar, "volume.used_ratio")
    assert found.problem == "no running pod of deployment/backend has a persistent volume"


def test_a_volume_is_named_by_its_claim(solar: SandboxHandle) -> None:
    found = seen(solar, "volume.used_ratio", workload="postgres")
    assert found.value is not None
    assert 0 < found.value < 1
    assert found.where.startswith("claim postgres-data of pod postgres-")


def test_a_service_that_nobody_stands_behind_is_the_one_that_counts(solar: SandboxHandle) -> None:
    lonely = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "lonely"},
        "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
    }
    assert seen(solar, "services.least_endpoints").value == 3
    with created(solar, path_of("services", SOLAR), lonely):
        found = seen(solar, "services.least_endpoints", service="lonely")
    assert found.value == 0
    assert found.where == f"Service {SOLAR}/lonely"


def test_a_service_that_is_not_there_is_a_problem(solar: SandboxHandle) -> None:
    assert "no such Service" in seen(solar, "services.least_endpoints", service="no-such-service").problem


def test_a_served_certificate_is_read_with_its_whole_chain(solar: SandboxHandle) -> None:
    found = seen(solar, "certificate.time_left", ingress="solar")
    assert found.value is not None
    assert 80 * 86400 < found.value <= 90 * 86400
    assert {served["trusted"] for served in found.evidence["served"]} == {True}
    assert {served["endpoint"].split(" ")[0] for served in found.evidence["served"]} == {
        "api.solar.example",
        "solar.example",
    }


def test_an_ingress_that_is_not_there_is_a_problem(solar: SandboxHandle) -> None:
    found = seen(solar, "certificate.time_left", ingress="no-such-ingress")
    assert found.problem == f"Ingress {SOLAR}/no-such-ingress of component 'api' isn't there"
