"""Create, read, update, delete; versions and conflicts; pages; dry runs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conformance.cluster import Cluster, fields, refused
from tests.conformance.objects import config_map, deployment, service


def test_a_created_object_is_read_back_the_same(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, config_map(a="1"))
    assert made.data == {"a": "1"}
    assert made.metadata.uid
    assert made.metadata.resource_version
    assert made.metadata.creation_timestamp
    assert core.read_namespaced_config_map("settings", space) == made


def test_a_name_is_taken_only_once(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map())
    code, status = refused(lambda: core.create_namespaced_config_map(space, config_map()))
    assert (code, status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'configmaps "settings" already exists'
    assert status["details"] == {"name": "settings", "kind": "configmaps"}


def test_what_is_not_there_is_not_found(core: Any, apps: Any, space: str) -> None:
    code, status = refused(lambda: core.read_namespaced_pod("none", space))
    assert (code, status["reason"], status["message"]) == (404, "NotFound", 'pods "none" not found')
    _, status = refused(lambda: apps.read_namespaced_deployment("none", space))
    assert status["message"] == 'deployments.apps "none" not found'
    assert status["details"] == {"name": "none", "group": "apps", "kind": "deployments"}


def test_an_update_with_a_stale_version_conflicts(core: Any, space: str) -> None:
    stale = core.create_namespaced_config_map(space, config_map(a="1"))
    core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}})
    stale.data = {"a": "3"}
    code, status = refused(lambda: core.replace_namespaced_config_map("settings", space, stale))
    assert (code, status["reason"]) == (409, "Conflict")
    assert "the object has been modified" in status["message"]


def test_an_update_without_a_version_is_unconditional(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map(a="1"))
    core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}})
    assert core.replace_namespaced_config_map("settings", space, config_map(b="3")).data == {"b": "3"}


def test_a_patch_with_a_stale_version_conflicts(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, config_map(a="1"))
    core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}})
    stale = {"metadata": {"resourceVersion": made.metadata.resource_version}, "data": {"a": "3"}}
    assert refused(lambda: core.patch_namespaced_config_map("settings", space, stale))[0] == 409


def test_a_change_raises_the_version_and_no_change_does_not(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, config_map(a="1"))
    same = core.patch_namespaced_config_map("settings", space, {"data": {"a": "1"}})
    assert same.metadata.resource_version == made.metadata.resource_version
    changed = core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}})
    assert int(changed.metadata.resource_version) > int(made.metadata.resource_version)


def test_the_uid_and_the_creation_time_cannot_be_changed(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, config_map(a="1"))
    changed = core.patch_namespaced_config_map(
        "settings", space, {"metadata": {"creationTimestamp": "2000-01-01T00:00:00Z"}, "data": {"a": "2"}}
    )
    assert changed.metadata.creation_timestamp == made.metadata.creation_timestamp
    other = {"metadata": {"uid": "00000000-0000-0000-0000-000000000001"}}
    assert refused(lambda: core.patch_namespaced_config_map("settings", space, other))[0] in {409, 422}


def test_an_object_may_not_bring_a_version_along(core: Any, space: str) -> None:
    wrong = config_map()
    wrong["metadata"]["resourceVersion"] = "1"
    code, status = refused(lambda: core.create_namespaced_config_map(space, wrong))
    assert code == 400
    assert "resourceVersion should not be set" in status["message"]


def test_an_update_may_not_rename(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map())
    code, status = refused(lambda: core.replace_namespaced_config_map("settings", space, config_map("other")))
    assert code == 400
    assert "does not match the name on the URL" in status["message"]


def test_an_object_of_another_namespace_is_refused(core: Any, space: str) -> None:
    wrong = config_map()
    wrong["metadata"]["namespace"] = "default"
    code, status = refused(lambda: core.create_namespaced_config_map(space, wrong))
    assert code == 400
    assert "does not match the namespace" in status["message"]


def test_generated_names_are_a_prefix_and_five_characters(core: Any, space: str) -> None:
    names = {
        core.create_namespaced_config_map(space, {"metadata": {"generateName": "run-"}}).metadata.name for _ in range(4)
    }
    assert len(names) == 4
    assert all(re.fullmatch(r"run-[a-z0-9]{5}", name) for name in names)


def test_a_dry_run_validates_and_stores_nothing(core: Any, apps: Any, cluster: Cluster, space: str) -> None:
    made = apps.create_namespaced_deployment(space, deployment(cluster.images.shell), dry_run="All")
    assert made.spec.replicas == 1
    assert refused(lambda: apps.read_namespaced_deployment("web", space))[0] == 404
    core.create_namespaced_config_map(space, config_map(a="1"))
    core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}}, dry_run="All")
    core.delete_namespaced_config_map("settings", space, dry_run="All")
    assert core.read_namespaced_config_map("settings", space).data == {"a": "1"}
    assert refused(lambda: core.create_namespaced_config_map(space, config_map("Bad"), dry_run="All"))[0] == 422


def test_nothing_is_created_in_a_namespace_that_does_not_exist(core: Any) -> None:
    code, status = refused(lambda: core.create_namespaced_config_map("conformance-none", config_map()))
    assert (code, status["message"]) == (404, 'namespaces "conformance-none" not found')


def test_a_namespace_carries_its_name_as_a_label_and_is_active(core: Any, space: str) -> None:
    found = core.read_namespace(space)
    assert found.metadata.labels["kubernetes.io/metadata.name"] == space
    assert found.status.phase == "Active"
    assert found.spec.finalizers == ["kubernetes"]


def test_secrets_keep_plain_strings_as_data(core: Any, space: str) -> None:
    made = core.create_namespaced_secret(space, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert (made.data, made.string_data, made.type) == ({"a": "Yg=="}, None, "Opaque")


def test_quantities_are_kept_in_canonical_form(apps: Any, cluster: Cluster, space: str) -> None:
    given = deployment(cluster.images.shell)
    requests = {"cpu": "1000m", "memory": "1024Mi"}
    given["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": requests, "limits": {"cpu": "1.5"}}
    made = apps.create_namespaced_deployment(space, given, dry_run="All")
    resources = made.spec.template.spec.containers[0].resources
    assert (resources.requests, resources.limits) == ({"cpu": "1", "memory": "1Gi"}, {"cpu": "1500m"})


def test_generation_counts_changes_of_the_spec_only(apps: Any, cluster: Cluster, space: str) -> None:
    made = apps.create_namespaced_deployment(space, deployment(cluster.images.shell, replicas=0, paused=True))
    assert made.metadata.generation == 1
    labelled = apps.patch_namespaced_deployment("web", space, {"metadata": {"labels": {"x": "y"}}})
    assert labelled.metadata.generation == 1
    scaled = apps.patch_namespaced_deployment("web", space, {"spec": {"minReadySeconds": 1}})
    assert scaled.metadata.generation == 2
    apps.patch_namespaced_deployment_status("web", space, {"status": {"observedGeneration": 2}})
    assert apps.read_namespaced_deployment("web", space).metadata.generation == 2


def test_a_status_update_changes_no_spec_and_a_plain_update_no_status(batch: Any, cluster: Cluster, space: str) -> None:
    pod_spec = {"restartPolicy": "Never", "containers": [{"name": "a", "image": cluster.images.shell}]}
    job = {"spec": {"template": {"spec": pod_spec}}}
    cron = {"metadata": {"name": "c"}, "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": job}}
    batch.create_namespaced_cron_job(space, cron)
    both = {"spec": {"schedule": "0 0 2 1 *"}, "status": {"lastScheduleTime": "2020-01-01T00:00:00Z"}}
    found = batch.patch_namespaced_cron_job("c", space, both)
    assert (found.spec.schedule, found.status.last_schedule_time) == ("0 0 2 1 *", None)
    both["spec"]["schedule"] = "0 0 3 1 *"
    found = batch.patch_namespaced_cron_job_status("c", space, both)
    assert (found.spec.schedule, found.status.last_schedule_time.year) == ("0 0 2 1 *", 2020)


def test_scale_is_a_view_of_replicas(apps: Any, cluster: Cluster, space: str) -> None:
    apps.create_namespaced_deployment(space, deployment(cluster.images.shell, replicas=0, paused=True))
    scale = apps.read_namespaced_deployment_scale("web", space)
    assert (scale.kind, scale.spec.replicas or 0, scale.status.selector) == ("Scale", 0, "app=web")
    apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": 2}})
    assert apps.read_namespaced_deployment("web", space).spec.replicas == 2
    code, _ = refused(lambda: apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": -1}}))
    assert code == 422


def test_a_service_keeps_its_address_through_updates(core: Any, space: str) -> None:
    made = core.create_namespaced_service(space, service())
    address = made.spec.cluster_ip
    assert address
    assert made.spec.cluster_ips == [address]
    changed = core.patch_namespaced_service(
        "web", space, {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}
    )
    assert changed.spec.cluster_ip == address
    targets = {port.port: port.target_port for port in changed.spec.ports}
    assert targets == {80: 8080, 81: 81}, "ports are merged by their number"
    body = {"spec": {"clusterIP": "192.0.2.1"}}
    assert refused(lambda: core.patch_namespaced_service("web", space, body))[0] == 422


def test_a_headless_service_has_no_address(core: Any, space: str) -> None:
    assert core.create_namespaced_service(space, service(clusterIP="None")).spec.cluster_ip == "None"


def test_an_immutable_config_map_cannot_be_changed(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, config_map(a="1") | {"immutable": True})
    code, status = refused(lambda: core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}}))
    assert (code, fields(status)) == (422, {"data"})
    core.patch_namespaced_config_map("settings", space, {"metadata": {"labels": {"a": "b"}}})


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/namespaces/default/unicorns", 404),
        ("GET", "/apis/conformance.example/v1/things", 404),
        ("PUT", "/api/v1/namespaces/default/configmaps", 405),
        ("POST", "/api/v1/namespaces/default/configmaps/x", 405),
        ("DELETE", "/api/v1/namespaces", 405),
    ],
)
def test_what_is_not_served_is_not_found_or_not_allowed(cluster: Cluster, method: str, path: str, code: int) -> None:
    assert cluster.request(method, path, {"metadata": {"name": "x"}}).code == code


def test_a_token_is_needed(cluster: Cluster) -> None:
    answer = cluster.request("GET", "/api/v1/nodes", Authorization="Bearer conformance-nobody")
    assert (answer.code, answer.json()["reason"]) == (401, "Unauthorized")


def test_health_and_version_answer(cluster: Cluster) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        assert cluster.request("GET", path).body == b"ok"
    version = cluster.request("GET", "/version").json()
    assert version["major"] == "1"
    assert int(re.sub(r"\D", "", version["minor"])) >= 30
