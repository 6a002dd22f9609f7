"""Solar's manifests are what its runbook documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.systems.manifests import Object, load, name_of, namespace_of, template

NAMESPACE = "solar-pv-llm-ai"
DOCUMENTED = {
    # Workload: cpu request, memory request, cpu limit, memory limit (lines 61 to 65).
    "backend": ("500m", "512Mi", "2000m", "2Gi"),
    "frontend": ("100m", "128Mi", "200m", "256Mi"),
    "celery-worker": ("1000m", "1Gi", "2000m", "4Gi"),
    "postgres": ("250m", "256Mi", "1000m", "1Gi"),
    "redis": ("250m", "256Mi", "500m", "512Mi"),
}
REPLICAS = {
    "backend": 3,
    "frontend": 2,
    "celery-worker": 2,
    "postgres": 1,
    "redis": 1,
    "flower": 1,
    "database-backup": 1,
}
"""The last one is ours: it makes the dumps that the runbook speaks of."""


STAND_IN = "drillbook.dev/stand-in"
"""Marks what a cluster brings along for all its systems, here Prometheus: not Solar's own."""


def own(kind: str | None = None) -> list[Object]:
    """Solar's own objects, or those of one kind."""
    return [
        obj
        for obj in load("solar").objects
        if kind in {None, obj["kind"]} and STAND_IN not in obj["metadata"].get("labels", {})
    ]


def deployment(name: str) -> Object:
    """One of Solar's Deployments."""
    found = load("solar").find("Deployment", NAMESPACE, name)
    assert found is not None
    return found


def container(name: str) -> dict[str, Any]:
    """The container of a Deployment; it is called as its Deployment."""
    (only,) = template(deployment(name))["spec"]["containers"]
    assert only["name"] == name
    return dict(only)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_requests_and_limits_are_the_documented_ones(name: str) -> None:
    given = container(name)["resources"]
    found = [given[kind][resource] for kind in ("requests", "limits") for resource in ("cpu", "memory")]
    assert tuple(found) == DOCUMENTED[name]


def test_there_are_as_many_of_each_as_drawn_and_nothing_else() -> None:
    deployments = {name_of(obj): obj["spec"]["replicas"] for obj in own("Deployment")}
    assert deployments == REPLICAS


def test_everything_is_in_the_one_documented_namespace() -> None:
    assert {namespace_of(obj) for obj in own() if obj["kind"] != "Namespace"} == {NAMESPACE}


def test_pods_are_found_by_the_label_that_the_runbook_uses() -> None:
    for name in REPLICAS:
        assert template(deployment(name))["metadata"]["labels"] == {"app": name}


def test_the_backend_runs_the_documented_image() -> None:
    repository, _, tag = container("backend")["image"].partition(":")
    assert (repository, tag[0]) == ("ghcr.io/org/solar-pv-backend", "v")


def test_pools_of_a_scaled_out_system_stay_below_the_documented_connections() -> None:
    config = load("solar").find("ConfigMap", NAMESPACE, "solar-config")
    assert config is not None
    # Five backend and five worker pods are what the runbook scales to.
    assert int(config["data"]["DATABASE_POOL_SIZE"]) * (5 + 5) <= 80
    assert (config["data"]["DATABASE_NAME"], config["data"]["DATABASE_USER"]) == ("solar_pv_db", "solar_pv_user")


def test_a_backend_stays_in_its_service_while_the_database_is_away() -> None:
    for name in ("backend", "celery-worker", "frontend", "flower"):
        probes = container(name)
        assert probes["readinessProbe"]["httpGet"]["path"] == "/ready"
        assert probes["livenessProbe"]["httpGet"]["path"] == "/ready"


def test_a_database_pod_is_gone_before_the_next_one_opens_its_volume() -> None:
    database = deployment("postgres")
    assert database["spec"]["strategy"] == {"type": "Recreate"}
    (volume,) = template(database)["spec"]["volumes"]
    claim = load("solar").find("PersistentVolumeClaim", NAMESPACE, volume["persistentVolumeClaim"]["claimName"])
    assert claim is not None
    env = {entry["name"]: entry.get("value") for entry in container("postgres")["env"]}
    (mount,) = container("postgres")["volumeMounts"]
    assert str(env["PGDATA"]).startswith(f"{mount['mountPath']}/")
