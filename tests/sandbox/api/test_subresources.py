"""Scale, eviction, and a kind in both of its versions."""

from __future__ import annotations

from typing import Any

from tests.sandbox.api import manifests
from tests.sandbox.api.answers import refused
from tests.sandbox.api.server import ApiServer, official


def test_scale_reads_and_sets_one_number(apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, manifests.deployment())
    scale = apps.read_namespaced_deployment_scale("web", space)
    assert (scale.spec.replicas, scale.status.selector) == (1, "app=web")
    assert apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": 4}}).spec.replicas == 4
    found = apps.read_namespaced_deployment("web", space)
    assert (found.spec.replicas, found.metadata.generation) == (4, 2)
    code, status = refused(lambda: apps.replace_namespaced_deployment_scale("web", space, scale))
    assert (code, status["reason"]) == (409, "Conflict")
    code, _ = refused(lambda: apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": -1}}))
    assert code == 422


def test_eviction_asks_the_disruption_budget(api: ApiServer, client: Any, core: Any, space: str) -> None:
    policy = official("client").PolicyV1Api(client)
    core.create_namespaced_pod(space, manifests.pod())
    api.run_pod(space, "web")
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    policy.create_namespaced_pod_disruption_budget(space, budget)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    code, status = refused(lambda: core.create_namespaced_pod_eviction("web", space, eviction))
    assert (code, status["details"]["causes"][0]["reason"]) == (429, "DisruptionBudget")
    allowed = {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2}
    policy.patch_namespaced_pod_disruption_budget_status("b", space, {"status": allowed})
    core.create_namespaced_pod_eviction("web", space, eviction)
    assert core.read_namespaced_pod("web", space).metadata.deletion_timestamp
    assert policy.read_namespaced_pod_disruption_budget("b", space).status.disruptions_allowed == 0


def test_an_autoscaler_can_be_had_in_both_of_its_versions(client: Any, space: str) -> None:
    old = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "maxReplicas": 5,
        "targetCPUUtilizationPercentage": 70,
    }
    first = official("client").AutoscalingV1Api(client)
    made = first.create_namespaced_horizontal_pod_autoscaler(space, {"metadata": {"name": "h"}, "spec": old})
    assert (made.api_version, made.spec.target_cpu_utilization_percentage) == ("autoscaling/v1", 70)
    new = official("client").AutoscalingV2Api(client).read_namespaced_horizontal_pod_autoscaler("h", space)
    assert new.spec.metrics[0].resource.target.average_utilization == 70
    assert first.list_namespaced_horizontal_pod_autoscaler(space).items[0].spec == made.spec


def test_resizing_a_pod_changes_its_cpu_and_memory_and_nothing_else(core: Any, space: str) -> None:
    pod = manifests.pod()
    pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}
    core.create_namespaced_pod(space, pod)
    name = pod["spec"]["containers"][0]["name"]

    def resized(**change: Any) -> Any:
        body = {"spec": {"containers": [{"name": name, **change}]}}
        return core.patch_namespaced_pod_resize("web", space, body)

    found = resized(resources={"limits": {"cpu": "250m"}, "requests": {"cpu": "200m"}}).spec.containers[0].resources
    assert (found.limits, found.requests["cpu"]) == ({"cpu": "250m", "memory": "1Gi"}, "200m")
    code, status = refused(lambda: resized(image="another"))
    assert (code, status["reason"]) == (422, "Invalid")
    code, status = refused(lambda: resized(resources={"limits": None, "requests": None}))
    assert (code, "QOS Class" in status["message"]) == (422, True)
