"""What is wrong is refused, with the field that is wrong; what is left out is filled in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster, fields, refused
from tests.conformance.objects import config_map, deployment, pod, service


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "dot.", "a" * 254])
def test_names_are_dns_names(cluster: Cluster, space: str, name: str) -> None:
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", config_map(name))
    assert answer.code == 422
    assert (answer.json()["reason"], fields(answer.json())) == ("Invalid", {"metadata.name"})


def test_a_service_is_named_as_a_host(cluster: Cluster, space: str) -> None:
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/services", service("web.dotted"))
    assert (answer.code, fields(answer.json())) == (422, {"metadata.name"})


def test_labels_are_checked(cluster: Cluster, space: str) -> None:
    wrong = config_map(labels={"bad key": "x", "good": "bad value!"})
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"metadata.labels"})


def test_a_message_names_kind_object_and_field(cluster: Cluster, space: str) -> None:
    answer = cluster.request("POST", f"/apis/apps/v1/namespaces/{space}/deployments", deployment("x", replicas=-1))
    message = answer.json()["message"]
    assert message.startswith('Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1:')
    (cause,) = answer.json()["details"]["causes"]
    assert cause["reason"] == "FieldValueInvalid"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels"),
        ({"selector": None}, "spec.selector"),
        ({"strategy": {"type": "Magic"}}, "spec.strategy.type"),
        ({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}, "spec.strategy.rollingUpdate"),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
    ],
)
def test_a_wrong_deployment_names_its_field(cluster: Cluster, space: str, change: Any, field: str) -> None:
    wrong = deployment(cluster.images.shell)
    wrong["spec"] |= change
    answer = cluster.request("POST", f"/apis/apps/v1/namespaces/{space}/deployments", wrong)
    assert answer.code == 422
    assert field in fields(answer.json())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "spec.containers[0].name"),
        ({"image": ""}, "spec.containers[0].image"),
        ({"ports": [{"containerPort": 70000}]}, "spec.containers[0].ports[0].containerPort"),
        ({"imagePullPolicy": "Sometimes"}, "spec.containers[0].imagePullPolicy"),
        ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, "spec.containers[0].volumeMounts[0].name"),
        ({"livenessProbe": {"periodSeconds": 3}}, "spec.containers[0].livenessProbe"),
        ({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}, "spec.containers[0].resources.requests"),
    ],
)
def test_a_wrong_container_names_its_field(cluster: Cluster, space: str, change: Any, field: str) -> None:
    wrong = pod(cluster.images.shell)
    wrong["spec"]["containers"][0] |= change
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/pods", wrong)
    assert (answer.code, fields(answer.json())) == (422, {field})


def test_a_pod_needs_a_container(cluster: Cluster, space: str) -> None:
    wrong = pod(cluster.images.shell)
    wrong["spec"]["containers"] = []
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/pods", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"spec.containers"})
    assert answer.json()["details"]["causes"][0]["reason"] == "FieldValueRequired"


def test_a_service_with_several_ports_names_them(cluster: Cluster, space: str) -> None:
    wrong = service(ports=[{"port": 80}, {"port": 81}])
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/services", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"spec.ports[0].name", "spec.ports[1].name"})


def test_an_ingress_path_needs_its_type(cluster: Cluster, space: str) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    wrong = {"metadata": {"name": "i"}, "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]}}
    answer = cluster.request("POST", f"/apis/networking.k8s.io/v1/namespaces/{space}/ingresses", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"spec.rules[0].http.paths[0].pathType"})


def test_keys_of_config_maps_are_checked(cluster: Cluster, space: str) -> None:
    wrong = config_map()
    wrong["data"] = {"not a key": "x"}
    answer = cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"data[not a key]"})


def test_an_unknown_field_is_refused_when_validation_is_strict(cluster: Cluster, space: str) -> None:
    wrong = deployment(cluster.images.shell, replicaz=3)
    path = f"/apis/apps/v1/namespaces/{space}/deployments?dryRun=All&fieldValidation="
    answer = cluster.request("POST", path + "Strict", wrong)
    assert answer.code == 400
    assert 'strict decoding error: unknown field "spec.replicaz"' in answer.json()["message"]
    for lenient in ("Warn", "Ignore"):
        assert "replicaz" not in cluster.request("POST", path + lenient, wrong).json()["spec"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", ""),
        (b'{"spec":{"replicas":"three"}}', "cannot unmarshal string"),
        (b'{"kind":"ConfigMap","apiVersion":"v1"}', ""),
    ],
)
def test_a_body_that_is_no_such_object_is_a_bad_request(cluster: Cluster, space: str, body: bytes, says: str) -> None:
    answer = cluster.request("POST", f"/apis/apps/v1/namespaces/{space}/deployments", body)
    assert (answer.code, answer.json()["reason"]) == (400, "BadRequest")
    assert says in answer.json()["message"]


def test_the_selector_of_a_deployment_is_immutable(apps: Any, cluster: Cluster, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell, replicas=0, paused=True))
    other = deployment(cluster.images.shell, replicas=0)
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "new"}
    code, status = refused(lambda: apps.replace_namespaced_deployment("web", space, other))
    assert code == 422
    assert "spec.selector" in fields(status)
    assert "field is immutable" in status["message"]


def test_few_fields_of_a_stateful_set_may_change(apps: Any, cluster: Cluster, space: str) -> None:
    made = deployment(cluster.images.shell, replicas=0, serviceName="web") | {"kind": "StatefulSet"}
    apps.create_namespaced_stateful_set(space, made)
    code, status = refused(lambda: apps.patch_namespaced_stateful_set("web", space, {"spec": {"serviceName": "x"}}))
    assert (code, fields(status)) == (422, {"spec"})
    assert "updates to statefulset spec for fields other than" in status["message"]


def test_the_size_of_a_claim_is_needed_and_its_spec_immutable(core: Any, cluster: Cluster, space: str) -> None:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "storageClassName": "conformance-none"}
    path = f"/api/v1/namespaces/{space}/persistentvolumeclaims"
    answer = cluster.request("POST", path, {"metadata": {"name": "c"}, "spec": spec})
    assert (answer.code, fields(answer.json())) == (422, {"spec.resources[storage]"})
    spec["resources"] = {"requests": {"storage": "1Gi"}}
    core.create_namespaced_persistent_volume_claim(space, {"metadata": {"name": "c"}, "spec": spec})
    patch = {"spec": {"storageClassName": "another"}}
    code, status = refused(lambda: core.patch_namespaced_persistent_volume_claim("c", space, patch))
    assert (code, fields(status)) == (422, {"spec"})


def test_deployments_are_completed(apps: Any, cluster: Cluster, space: str) -> None:
    spec = apps.create_namespaced_deployment(space, deployment(cluster.images.shell), dry_run="All").spec
    assert (spec.replicas, spec.revision_history_limit, spec.progress_deadline_seconds) == (1, 10, 600)
    rolling = spec.strategy.rolling_update
    assert (spec.strategy.type, rolling.max_surge, rolling.max_unavailable) == ("RollingUpdate", "25%", "25%")
    inner = spec.template.spec
    assert (inner.restart_policy, inner.dns_policy, inner.scheduler_name) == (
        "Always", "ClusterFirst", "default-scheduler",
    )  # fmt: skip


def test_pods_are_completed(core: Any, cluster: Cluster, space: str) -> None:
    extra = {"readinessProbe": {"tcpSocket": {"port": 80}}, "ports": [{"containerPort": 80}]}
    extra["resources"] = {"limits": {"memory": "64Mi"}}
    made = core.create_namespaced_pod(space, pod(cluster.images.shell, container=extra), dry_run="All")
    main = made.spec.containers[0]
    probe = main.readiness_probe
    assert (probe.period_seconds, probe.timeout_seconds, probe.failure_threshold, probe.success_threshold) == (
        10,
        1,
        3,
        1,
    )
    assert main.resources.requests == {"memory": "64Mi"}
    assert main.ports[0].protocol == "TCP"
    assert made.spec.service_account_name == "default"
    assert {t.key for t in made.spec.tolerations} >= {
        "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable",
    }  # fmt: skip
    assert (made.status.phase, made.status.qos_class) == ("Pending", "Burstable")


def test_services_are_completed(core: Any, space: str) -> None:
    spec = core.create_namespaced_service(space, service(ports=[{"port": 80}]), dry_run="All").spec
    assert (spec.type, spec.session_affinity, spec.internal_traffic_policy) == ("ClusterIP", "None", "Cluster")
    assert (spec.ports[0].target_port, spec.ports[0].protocol) == (80, "TCP")


def test_jobs_and_cron_jobs_are_completed(batch: Any, cluster: Cluster, space: str) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": cluster.images.shell}]}}
    spec = batch.create_namespaced_job(
        space, {"metadata": {"name": "j"}, "spec": {"template": template}}, dry_run="All"
    ).spec
    assert (spec.completions, spec.parallelism, spec.backoff_limit) == (1, 1, 6)
    assert spec.selector.match_labels
    cron = {
        "metadata": {"name": "c"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}},
    }
    spec = batch.create_namespaced_cron_job(space, cron, dry_run="All").spec
    assert (spec.concurrency_policy, spec.suspend) == ("Allow", False)
    assert (spec.successful_jobs_history_limit, spec.failed_jobs_history_limit) == (3, 1)
