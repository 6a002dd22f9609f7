"""HorizontalPodAutoscalers: their bounds, which hold without any figures; and the figures, where they are served."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster, fields
from tests.conformance.looks import ready
from tests.conformance.objects import deployment

REQUESTS = {"requests": {"cpu": "50m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
METRICS = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}}
]


def autoscaler(**spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    inner = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": METRICS, **spec}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": inner}


def create(cluster: Cluster, space: str, body: dict[str, Any]) -> Any:
    return cluster.request("POST", f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers", body)


def deployed(shell: str, **spec: Any) -> dict[str, Any]:
    made = deployment(shell, **spec)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = REQUESTS
    return made


def replicas(apps: Any, space: str) -> int:
    return int(apps.read_namespaced_deployment("web", space).spec.replicas)


def test_fewer_pods_than_the_minimum_are_made_up_for(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployed(shell))
    assert create(cluster, space, autoscaler(minReplicas=2)).code == 201
    cluster.eventually(lambda: replicas(apps, space) == 2)


def test_more_pods_than_the_maximum_are_taken_away(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployed(shell, replicas=3))
    create(cluster, space, autoscaler(maxReplicas=2))
    cluster.eventually(lambda: replicas(apps, space) == 2)


def test_a_deployment_scaled_to_nothing_switches_its_autoscaler_off(
    cluster: Cluster, apps: Any, shell: str, space: str
) -> None:
    apps.create_namespaced_deployment(space, deployed(shell, replicas=0))
    create(cluster, space, autoscaler())
    path = f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/a"

    def active() -> Any:
        conditions = cluster.request("GET", path).json().get("status", {}).get("conditions") or []
        return next((c for c in conditions if c["type"] == "ScalingActive"), None)

    found = cluster.eventually(active)
    assert (found["status"], found["reason"]) == ("False", "ScalingDisabled")
    assert replicas(apps, space) == 0


def test_an_autoscaler_of_nothing_says_that_it_finds_no_scale(cluster: Cluster, space: str) -> None:
    create(cluster, space, autoscaler())
    path = f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/a"

    def able() -> Any:
        conditions = cluster.request("GET", path).json().get("status", {}).get("conditions") or []
        return next((c for c in conditions if c["type"] == "AbleToScale"), None)

    found = cluster.eventually(able)
    assert (found["status"], found["reason"]) == ("False", "FailedGetScale")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas"),
        ({"minReplicas": 4}, "spec.maxReplicas"),
        ({"scaleTargetRef": {"kind": "Deployment", "name": ""}}, "spec.scaleTargetRef.name"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(cluster: Cluster, space: str, spec: Any, field: str) -> None:
    answer = create(cluster, space, autoscaler(**spec))
    assert answer.code == 422
    assert field in fields(answer.json())


def test_the_old_version_shows_the_same_autoscaler(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    create(cluster, space, autoscaler())
    old = cluster.request("GET", f"/apis/autoscaling/v1/namespaces/{space}/horizontalpodautoscalers/a").json()
    assert (old["spec"]["maxReplicas"], old["spec"]["targetCPUUtilizationPercentage"]) == (3, 90)


def test_kubectl_shows_bounds_and_target(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployed(shell))
    create(cluster, space, autoscaler())
    said = cluster.kubectl("-n", space, "get", "hpa", "a").ok().splitlines()
    assert said[0].split() == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert "Deployment/web" in said[1]


@pytest.fixture
def measured(cluster: Cluster) -> None:
    if not cluster.serves("metrics.k8s.io"):
        cluster.not_applicable("the cluster doesn't serve metrics.k8s.io")


@pytest.mark.usefixtures("measured")
def test_metrics_tell_what_each_container_uses(cluster: Cluster, apps: Any, shell: str, space: str) -> None:
    apps.create_namespaced_deployment(space, deployed(shell))
    ready(cluster, apps, space, 1)
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{space}/pods"
    (found,) = cluster.eventually(lambda: cluster.request("GET", path).json()["items"], within=90)
    (used,) = found["containers"]
    assert used["name"] == "main"
    assert set(used["usage"]) == {"cpu", "memory"}


@pytest.mark.usefixtures("measured")
def test_metrics_tell_what_each_node_uses(cluster: Cluster, core: Any) -> None:
    nodes = cluster.request("GET", "/apis/metrics.k8s.io/v1beta1/nodes").json()["items"]
    assert {n["metadata"]["name"] for n in nodes} == {n.metadata.name for n in core.list_node().items}
