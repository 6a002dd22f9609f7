"""Create, read, update and patch, through the official client."""

from __future__ import annotations

import threading
from typing import Any

from tests.sandbox.api import manifests
from tests.sandbox.api.answers import fields, refused
from tests.sandbox.api.server import ApiServer


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


def test_a_secret_turns_plain_strings_into_data(core: Any, space: str) -> None:
    made = core.create_namespaced_secret(space, {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert (made.data, made.string_data, made.type) == ({"a": "Yg=="}, None, "Opaque")


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
