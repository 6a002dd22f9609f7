"""Create, read, update, patch and delete, through the official client."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drillbook.sandbox.kinds import POD
from tests.sandbox.api import manifests
from tests.sandbox.api.server import ApiServer, official


def refused(action: Callable[[], Any]) -> tuple[int, Any]:
    """The code and Status of a call that must fail."""
    with pytest.raises(official("client").ApiException) as failed:
        action()
    error: Any = failed.value
    return error.status, json.loads(error.body or "{}")


def posted(api: ApiServer, path: str, obj: Any) -> tuple[int, Any]:
    """The code and body of a plain POST: for objects that the official client would not even send."""
    answer = api.request("POST", path, json.dumps(obj).encode())
    return answer.code, answer.json()


def fields(status: Any) -> set[str]:
    return {cause["field"] for cause in status["details"]["causes"]}


def test_what_was_created_is_read_back_complete(apps: Any, space: str) -> None:
    made = apps.create_namespaced_deployment(space, manifests.deployment())
    found = apps.read_namespaced_deployment("web", space)
    assert found == made
    assert found.metadata.uid
    assert found.metadata.generation == 1
    assert (found.spec.replicas, found.spec.revision_history_limit, found.spec.progress_deadline_seconds) == (
        1,
        10,
        600,
    )
    assert found.spec.strategy.type == "RollingUpdate"
    assert (found.spec.strategy.rolling_update.max_surge, found.spec.strategy.rolling_update.max_unavailable) == (
        "25%",
    ) * 2
    main = found.spec.template.spec.containers[0]
    assert (main.image_pull_policy, main.termination_message_policy) == ("IfNotPresent", "File")


def test_a_pod_gets_the_defaults_of_a_pod(core: Any, space: str) -> None:
    probe = {"httpGet": {"port": 80}}
    container = {"name": "main", "image": "nginx", "readinessProbe": probe, "ports": [{"containerPort": 80}]}
    container["resources"] = {"limits": {"cpu": "1"}}
    made = core.create_namespaced_pod(space, manifests.pod(containers=[container], volumes=[{"name": "v"}]))
    spec = made.spec
    assert (spec.restart_policy, spec.dns_policy, spec.termination_grace_period_seconds) == (
        "Always",
        "ClusterFirst",
        30,
    )
    assert (spec.service_account_name, spec.scheduler_name, spec.priority) == ("default", "default-scheduler", 0)
    assert {t.key for t in spec.tolerations} == {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    main = spec.containers[0]
    assert main.image_pull_policy == "Always"
    assert (main.ports[0].protocol, main.readiness_probe.period_seconds) == ("TCP", 10)
    assert (main.readiness_probe.http_get.path, main.readiness_probe.http_get.scheme) == ("/", "HTTP")
    assert main.resources.requests == {"cpu": "1"}
    assert spec.volumes[0].empty_dir is not None
    assert (made.status.phase, made.status.qos_class) == ("Pending", "Burstable")


def test_a_service_gets_an_address_and_keeps_it(core: Any, space: str) -> None:
    made = core.create_namespaced_service(space, manifests.service())
    address = made.spec.cluster_ip
    assert address.startswith("127.")
    assert (made.spec.type, made.spec.session_affinity, made.spec.ports[0].target_port) == ("ClusterIP", "None", 80)
    changed = core.replace_namespaced_service("web", space, manifests.service(ports=[{"port": 81}]))
    assert changed.spec.cluster_ip == address
    code, status = refused(lambda: core.patch_namespaced_service("web", space, {"spec": {"clusterIP": "127.1.1.1"}}))
    assert (code, fields(status)) == (422, {"spec.clusterIPs[0]"})


def test_node_ports_are_given_once(core: Any, space: str) -> None:
    one = core.create_namespaced_service(space, manifests.service("one", type="NodePort"))
    two = core.create_namespaced_service(space, manifests.service("two", type="NodePort"))
    ports = [svc.spec.ports[0].node_port for svc in (one, two)]
    assert len(set(ports)) == 2
    assert all(30000 <= port <= 32767 for port in ports)


def test_a_stale_update_conflicts_and_an_update_without_a_version_does_not(core: Any, space: str) -> None:
    stale = core.create_namespaced_config_map(space, manifests.config_map(a="1"))
    core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}})
    stale.data = {"a": "3"}
    code, status = refused(lambda: core.replace_namespaced_config_map("settings", space, stale))
    assert (code, status["reason"]) == (409, "Conflict")
    stale.metadata.resource_version = None
    assert core.replace_namespaced_config_map("settings", space, stale).data == {"a": "3"}


def test_an_update_that_changes_nothing_keeps_the_version(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, manifests.config_map(a="1"))
    again = core.patch_namespaced_config_map("settings", space, {"data": {"a": "1"}})
    assert again.metadata.resource_version == made.metadata.resource_version


def test_a_changed_spec_raises_the_generation_and_a_changed_status_does_not(apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, manifests.deployment())
    apps.patch_namespaced_deployment_status("web", space, {"status": {"replicas": 3}})
    found = apps.patch_namespaced_deployment("web", space, {"spec": {"replicas": 2}, "status": {"replicas": 9}})
    assert found.metadata.generation == 2
    assert (found.spec.replicas, found.status.replicas) == (2, 3)


def test_a_status_patch_leaves_the_spec_alone(apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, manifests.deployment())
    found = apps.patch_namespaced_deployment_status(
        "web", space, {"spec": {"replicas": 7}, "status": {"readyReplicas": 1}}
    )
    assert (found.spec.replicas, found.status.ready_replicas) == (1, 1)


def test_a_generated_name_begins_with_its_prefix(core: Any, space: str) -> None:
    names = set()
    for _ in range(5):
        made = core.create_namespaced_config_map(space, {"metadata": {"generateName": "run-"}})
        names.add(made.metadata.name)
    assert len(names) == 5
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


def test_a_dry_run_answers_and_keeps_nothing(core: Any, space: str) -> None:
    made = core.create_namespaced_pod(space, manifests.pod(), dry_run="All")
    assert made.spec.restart_policy == "Always"
    assert core.list_namespaced_pod(space).items == []
    code, _ = refused(lambda: core.create_namespaced_pod(space, manifests.pod(), dry_run="Some"))
    assert code == 400


def test_what_is_missing_or_taken_is_said(core: Any, space: str) -> None:
    code, status = refused(lambda: core.read_namespaced_pod("nobody", space))
    assert (code, status["message"], status["details"]) == (
        404, 'pods "nobody" not found', {"name": "nobody", "kind": "pods"},
    )  # fmt: skip
    core.create_namespaced_config_map(space, manifests.config_map())
    code, status = refused(lambda: core.create_namespaced_config_map(space, manifests.config_map()))
    assert (code, status["reason"]) == (409, "AlreadyExists")


def test_nothing_is_created_in_a_namespace_that_is_not_there_or_is_going_away(api: ApiServer, core: Any) -> None:
    code, status = refused(lambda: core.create_namespaced_config_map("nowhere", manifests.config_map()))
    assert (code, status["message"]) == (404, 'namespaces "nowhere" not found')
    core.create_namespace({"metadata": {"name": "leaving"}})
    core.delete_namespace("leaving")
    assert core.read_namespace("leaving").status.phase == "Terminating"
    code, status = refused(lambda: core.create_namespaced_config_map("leaving", manifests.config_map()))
    assert (code, status["reason"]) == (403, "Forbidden")
    assert "is being terminated" in status["message"]
    assert status["details"]["causes"][0]["reason"] == "NamespaceTerminating"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels"),
        ({"selector": None}, "spec.selector"),
        ({"replicas": -1}, "spec.replicas"),
        ({"strategy": {"type": "Magic"}}, "spec.strategy.type"),
        ({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}, "spec.strategy.rollingUpdate"),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
        ({"strategy": {"rollingUpdate": {"maxSurge": "x"}}}, "spec.strategy.rollingUpdate.maxSurge"),
    ],
)
def test_a_wrong_deployment_is_refused_with_its_field(
    api: ApiServer, space: str, change: dict[str, Any], field: str
) -> None:
    wrong = manifests.deployment()
    wrong["spec"] |= change
    code, status = posted(api, f"/apis/apps/v1/namespaces/{space}/deployments", wrong)
    assert (code, status["reason"]) == (422, "Invalid")
    assert field in fields(status)


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"name": ""}, "spec.containers[0].name"),
        ({"name": "Bad_Name"}, "spec.containers[0].name"),
        ({"image": ""}, "spec.containers[0].image"),
        ({"ports": [{"containerPort": 70000}]}, "spec.containers[0].ports[0].containerPort"),
        ({"imagePullPolicy": "Sometimes"}, "spec.containers[0].imagePullPolicy"),
        ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, "spec.containers[0].volumeMounts[0].name"),
        ({"env": [{"name": "A=B"}]}, "spec.containers[0].env[0].name"),
        ({"livenessProbe": {"periodSeconds": 3}}, "spec.containers[0].livenessProbe"),
        ({"livenessProbe": {"exec": {}, "httpGet": {"port": 1}}}, "spec.containers[0].livenessProbe.httpGet"),
        ({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}, "spec.containers[0].resources.requests"),
    ],
)
def test_a_wrong_container_is_refused_with_its_field(
    api: ApiServer, space: str, container: dict[str, Any], field: str
) -> None:
    wrong = manifests.pod(containers=[{"name": "main", "image": "a"} | container])
    code, status = posted(api, f"/api/v1/namespaces/{space}/pods", wrong)
    assert code == 422
    assert fields(status) == {field}


@pytest.mark.parametrize("name", ["Web", "-web", "web_1", "a" * 254, "web.", "wéb"])
def test_a_name_that_is_no_dns_name_is_refused(core: Any, space: str, name: str) -> None:
    code, status = refused(lambda: core.create_namespaced_config_map(space, manifests.config_map(name)))
    assert (code, fields(status)) == (422, {"metadata.name"})


def test_a_pod_may_change_its_image_and_little_else(core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    patch = {"spec": {"containers": [{"name": "main", "image": "example/web:2"}]}}
    assert core.patch_namespaced_pod("web", space, patch).spec.containers[0].image == "example/web:2"
    code, status = refused(lambda: core.patch_namespaced_pod("web", space, {"spec": {"hostname": "other"}}))
    assert (code, fields(status)) == (422, {"spec"})
    assert "pod updates may not change fields other than" in status["message"]


def test_selectors_and_stateful_specs_stay_as_they_were(apps: Any, space: str) -> None:
    apps.create_namespaced_deployment(space, manifests.deployment())
    other = manifests.deployment()
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "new"}
    code, status = refused(lambda: apps.replace_namespaced_deployment("web", space, other))
    assert (code, fields(status)) == (422, {"spec.selector"})
    stateful = manifests.deployment() | {"kind": "StatefulSet"}
    stateful["spec"]["serviceName"] = "web"
    apps.create_namespaced_stateful_set(space, stateful)
    code, status = refused(lambda: apps.patch_namespaced_stateful_set("web", space, {"spec": {"serviceName": "x"}}))
    assert (code, fields(status)) == (422, {"spec"})
    assert apps.patch_namespaced_stateful_set("web", space, {"spec": {"replicas": 3}}).spec.replicas == 3


def test_an_immutable_config_map_stays_as_it_is(core: Any, space: str) -> None:
    core.create_namespaced_config_map(space, manifests.config_map(a="1") | {"immutable": True})
    code, status = refused(lambda: core.patch_namespaced_config_map("settings", space, {"data": {"a": "2"}}))
    assert (code, fields(status)) == (422, {"data"})


def test_a_secret_turns_plain_strings_into_data(core: Any, space: str) -> None:
    made = core.create_namespaced_secret(space, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert (made.data, made.string_data, made.type) == ({"a": "Yg=="}, None, "Opaque")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "json parse error"),
        (b"[]", "expected an object"),
        (b'{"kind":"Pod","apiVersion":"v1"}', "cannot be handled as a ConfigMap"),
        (b'{"metadata":{"name":"a","namespace":"other"}}', "namespace of the provided object does not match"),
        (b'{"data":[]}', "cannot unmarshal array"),
    ],
)
def test_a_body_that_is_no_such_object_is_a_bad_request(api: ApiServer, space: str, body: bytes, says: str) -> None:
    answer = api.request("POST", f"/api/v1/namespaces/{space}/configmaps", body)
    status = answer.json()
    assert (answer.code, status["reason"]) == (400, "BadRequest")
    assert says in status["message"]


def test_deletion_of_a_running_pod_waits_for_its_end(api: ApiServer, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    api.run_pod(space, "web")
    marked = core.delete_namespaced_pod("web", space, grace_period_seconds=5)
    assert (marked.metadata.deletion_grace_period_seconds, bool(marked.metadata.deletion_timestamp)) == (5, True)
    assert api.agent.terminated[-1]["metadata"]["uid"] == marked.metadata.uid
    api.do(lambda: api.store.end(POD, space, "web"))
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404


def test_a_shorter_grace_replaces_a_longer_one(api: ApiServer, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    api.run_pod(space, "web")
    core.delete_namespaced_pod("web", space, grace_period_seconds=60)
    assert core.delete_namespaced_pod("web", space, grace_period_seconds=1).metadata.deletion_grace_period_seconds == 1
    assert core.delete_namespaced_pod("web", space, grace_period_seconds=9).metadata.deletion_grace_period_seconds == 1
    core.delete_namespaced_pod("web", space, grace_period_seconds=0)
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404
    assert api.agent.terminated[-1]["metadata"]["name"] == "web"


def test_a_pod_that_runs_nowhere_is_gone_at_once(core: Any, space: str) -> None:
    core.create_namespaced_pod(space, manifests.pod())
    core.delete_namespaced_pod("web", space)
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404


def test_a_finalizer_holds_an_object_back_until_it_is_gone(core: Any, space: str) -> None:
    held = manifests.config_map()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_config_map(space, held)
    core.delete_namespaced_config_map("settings", space)
    assert core.read_namespaced_config_map("settings", space).metadata.deletion_timestamp
    core.patch_namespaced_config_map("settings", space, {"metadata": {"finalizers": None}})
    assert refused(lambda: core.read_namespaced_config_map("settings", space))[0] == 404


def test_a_finalizer_holds_a_pod_even_after_its_processes(api: ApiServer, core: Any, space: str) -> None:
    held = manifests.pod()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_pod(space, held)
    api.run_pod(space, "web")
    core.delete_namespaced_pod("web", space, grace_period_seconds=5)
    core.patch_namespaced_pod("web", space, [{"op": "remove", "path": "/metadata/finalizers"}])
    assert core.read_namespaced_pod("web", space).metadata.deletion_timestamp, "its process still runs"
    api.do(lambda: api.store.end(POD, space, "web"))
    assert refused(lambda: core.read_namespaced_pod("web", space))[0] == 404


def test_preconditions_guard_against_deleting_a_successor(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, manifests.config_map())
    wrong = {"preconditions": {"uid": "another"}}
    code, status = refused(lambda: core.delete_namespaced_config_map("settings", space, body=wrong))
    assert (code, status["reason"]) == (409, "Conflict")
    assert "Precondition" in status["message"] or "precondition" in status["message"]
    right = {"preconditions": {"uid": made.metadata.uid, "resourceVersion": made.metadata.resource_version}}
    core.delete_namespaced_config_map("settings", space, body=right)


def test_foreground_and_orphan_deletion_wait_for_the_garbage_collector(apps: Any, space: str) -> None:
    for name, policy, finalizer in (("fore", "Foreground", "foregroundDeletion"), ("left", "Orphan", "orphan")):
        apps.create_namespaced_deployment(space, manifests.deployment(name))
        apps.delete_namespaced_deployment(name, space, propagation_policy=policy)
        meta = apps.read_namespaced_deployment(name, space).metadata
        assert meta.finalizers == [finalizer]
        assert meta.deletion_timestamp


def test_a_collection_is_deleted_by_selector(core: Any, space: str) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        core.create_namespaced_config_map(space, manifests.config_map(name, {"app": app}))
    core.delete_collection_namespaced_config_map(space, label_selector="app=x")
    assert [found.metadata.name for found in core.list_namespaced_config_map(space).items] == ["c"]


def test_the_namespaces_that_a_cluster_needs_stay(core: Any) -> None:
    code, status = refused(lambda: core.delete_namespace("kube-system"))
    assert (code, status["reason"]) == (403, "Forbidden")


def test_pages_of_a_list_are_consistent_while_objects_come_and_go(core: Any, space: str) -> None:
    for i in range(7):
        core.create_namespaced_config_map(space, manifests.config_map(f"m{i}"))
    first = core.list_namespaced_config_map(space, limit=3)
    assert first.metadata.remaining_item_count == 4
    core.delete_namespaced_config_map("m5", space)
    core.create_namespaced_config_map(space, manifests.config_map("m3a"))
    core.patch_namespaced_config_map("m4", space, {"data": {"late": "yes"}})
    names, token = [found.metadata.name for found in first.items], first.metadata._continue
    while token:
        page = core.list_namespaced_config_map(space, limit=3, _continue=token)
        assert page.metadata.resource_version == first.metadata.resource_version
        assert not any(found.data for found in page.items)
        names += [found.metadata.name for found in page.items]
        token = page.metadata._continue
    assert names == [f"m{i}" for i in range(7)]


def test_a_list_can_be_had_as_of_a_version(core: Any, space: str) -> None:
    made = core.create_namespaced_config_map(space, manifests.config_map())
    core.delete_namespaced_config_map("settings", space)
    then = core.list_namespaced_config_map(
        space, resource_version=made.metadata.resource_version, resource_version_match="Exact"
    )
    assert [found.metadata.name for found in then.items] == ["settings"]
    code, _ = refused(lambda: core.list_namespaced_config_map(space, resource_version="99999999"))
    assert code == 504


def test_a_token_of_another_server_is_refused(core: Any, space: str) -> None:
    code, _ = refused(lambda: core.list_namespaced_config_map(space, limit=1, _continue="bm90LW91cnM"))
    assert code == 400


def test_wrong_parameters_are_refused(api: ApiServer, space: str) -> None:
    for wrong in ("fieldSelector=spec.x=1", "labelSelector=a%20in", "resourceVersion=x", "limit=many"):
        assert api.request("GET", f"/api/v1/namespaces/{space}/configmaps?{wrong}").code == 400


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


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/apis/nothing.example/v1/things", 404),
        ("GET", "/api/v1/namespaces/default/unicorns", 404),
        ("GET", "/api/v1/namespaces/default/pods/x/wings", 404),
        ("PUT", "/api/v1/namespaces/default/pods", 405),
        ("POST", "/api/v1/namespaces/default/pods/x", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("POST", "/api/v1/pods", 405),
    ],
)
def test_what_is_not_served_is_not_found_or_not_allowed(api: ApiServer, method: str, path: str, code: int) -> None:
    answer = api.request(method, path, b'{"metadata": {"name": "x"}}')
    assert (answer.code, answer.json()["kind"]) == (code, "Status")


def test_many_writers_lose_nothing(api: ApiServer, core: Any, space: str) -> None:
    """Each patch adds its own key; all of them are there in the end."""
    core.create_namespaced_config_map(space, manifests.config_map())

    def write(worker: int) -> None:
        for i in range(10):
            core.patch_namespaced_config_map("settings", space, {"data": {f"k{worker}-{i}": "x"}})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(core.read_namespaced_config_map("settings", space).data) == 50
