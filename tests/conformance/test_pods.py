"""Pods: processes, exit codes, restarts, probes, environment, volumes, scheduling, events."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import ended, execute, running
from tests.conformance.objects import FOREVER, config_map, container, pod


def test_a_pod_gets_a_node_an_address_and_becomes_ready(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    found = running(cluster, core, space)
    assert found.status.phase == "Running"
    assert found.spec.node_name in {node.metadata.name for node in core.list_node().items}
    assert found.status.pod_ip == found.status.pod_ips[0].ip
    assert {c.type for c in found.status.conditions} >= {"PodScheduled", "Initialized", "ContainersReady", "Ready"}
    (main,) = found.status.container_statuses
    assert (main.name, main.ready, main.started, main.restart_count) == ("main", True, True, 0)
    assert main.state.running.started_at


def test_pods_are_selected_by_phase_and_node(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    node = running(cluster, core, space).spec.node_name
    selector = f"status.phase=Running,spec.nodeName={node}"
    assert [p.metadata.name for p in core.list_namespaced_pod(space, field_selector=selector).items] == ["one"]
    assert core.list_namespaced_pod(space, field_selector="status.phase!=Running").items == []


def test_a_pod_that_ends_well_has_succeeded(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell, "echo done", restartPolicy="Never"))
    found = ended(cluster, core, space)
    state = found.status.container_statuses[0].state.terminated
    assert (found.status.phase, state.exit_code, state.reason) == ("Succeeded", 0, "Completed")


def test_a_pod_that_ends_badly_has_failed_with_its_exit_code(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    core.create_namespaced_pod(space, pod(shell, "exit 42", restartPolicy="Never"))
    found = ended(cluster, core, space)
    state = found.status.container_statuses[0].state.terminated
    assert (found.status.phase, state.exit_code, state.reason) == ("Failed", 42, "Error")


def test_a_container_that_ends_is_started_again_and_then_backs_off(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    core.create_namespaced_pod(space, pod(shell, "echo run; exit 1"))

    def backed_off() -> Any:
        (main,) = core.read_namespaced_pod("one", space).status.container_statuses or [None]
        waiting = main and main.state.waiting
        return waiting and waiting.reason == "CrashLoopBackOff" and main

    main = cluster.eventually(backed_off)
    assert main.restart_count >= 1
    assert main.last_state.terminated.exit_code == 1
    assert core.read_namespaced_pod("one", space).status.phase == "Running"
    assert core.read_namespaced_pod_log("one", space, previous=True) == "run\n"


def test_on_failure_only_failures_are_started_again(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    script = "if [ -e /data/ran ]; then exit 0; else touch /data/ran; exit 1; fi"
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "emptyDir": {}}]
    core.create_namespaced_pod(space, pod(shell, script, restartPolicy="OnFailure", container=mount, volumes=volumes))
    found = ended(cluster, core, space)
    assert found.status.phase == "Succeeded"
    assert found.status.container_statuses[0].restart_count == 1


def test_an_image_that_cannot_be_had_is_waited_for(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, pod("conformance.invalid/none:1"))

    def reason() -> Any:
        (main,) = core.read_namespaced_pod("one", space).status.container_statuses or [None]
        return main and main.state.waiting and main.state.waiting.reason in {"ErrImagePull", "ImagePullBackOff"}

    cluster.eventually(reason)
    assert core.read_namespaced_pod("one", space).status.phase == "Pending"


@pytest.mark.slow
def test_a_missing_key_keeps_a_container_from_being_created(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a"}}}]
    core.create_namespaced_pod(space, pod(shell, container={"env": env}))

    def reason() -> Any:
        (main,) = core.read_namespaced_pod("one", space).status.container_statuses or [None]
        return main and main.state.waiting and main.state.waiting.reason == "CreateContainerConfigError"

    cluster.eventually(reason)
    core.create_namespaced_config_map(space, config_map("none", a="1"))
    running(cluster, core, space)


def test_the_environment_comes_from_values_maps_secrets_and_fields(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    core.create_namespaced_config_map(space, config_map(FROM_MAP="map", ALL="all"))
    core.create_namespaced_secret(space, {"metadata": {"name": "s"}, "stringData": {"key": "secret"}})
    env = [
        {"name": "PLAIN", "value": "plain"},
        {"name": "EXPANDED", "value": "$(PLAIN)-$(NONE)-$$(PLAIN)"},
        {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "FROM_MAP"}}},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
        {"name": "OPTIONAL", "valueFrom": {"secretKeyRef": {"name": "no", "key": "key", "optional": True}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
    ]
    more = {"env": env, "envFrom": [{"configMapRef": {"name": "settings"}}]}
    core.create_namespaced_pod(space, pod(shell, "env", container=more, restartPolicy="Never"))
    found = ended(cluster, core, space)
    lines = dict(line.split("=", 1) for line in core.read_namespaced_pod_log("one", space).splitlines() if "=" in line)
    expected = {
        "PLAIN": "plain", "EXPANDED": "plain-$(NONE)-$(PLAIN)", "MAP": "map", "SECRET": "secret", "POD": "one",
        "SPACE": space, "IP": found.status.pod_ip, "LABEL": "one", "ALL": "all",
    }  # fmt: skip
    assert {key: lines.get(key) for key in expected} == expected
    assert "OPTIONAL" not in lines


def test_maps_and_secrets_are_mounted_as_files(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_config_map(space, config_map() | {"data": {"a.txt": "one", "b.txt": "two"}})
    core.create_namespaced_secret(
        space, {"metadata": {"name": "s"}, "data": {"k": base64.b64encode(b"three").decode()}}
    )
    volumes = [
        {"name": "m", "configMap": {"name": "settings", "items": [{"key": "a.txt", "path": "sub/renamed.txt"}]}},
        {"name": "s", "secret": {"secretName": "s"}},
    ]
    mounts = [{"name": "m", "mountPath": "/map"}, {"name": "s", "mountPath": "/secret"}]
    script = "cat /map/sub/renamed.txt; echo; cat /secret/k; echo; ls /map"
    core.create_namespaced_pod(
        space, pod(shell, script, container={"volumeMounts": mounts}, volumes=volumes, restartPolicy="Never")
    )
    ended(cluster, core, space)
    assert core.read_namespaced_pod_log("one", space) == "one\nthree\nsub\n"


def test_containers_share_an_empty_dir(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    mount = [{"name": "shared", "mountPath": "/shared"}]
    made = pod(shell, "echo hello > /shared/file; " + FOREVER, volumes=[{"name": "shared", "emptyDir": {}}])
    made["spec"]["containers"][0]["volumeMounts"] = mount
    script = "while [ ! -e /shared/file ]; do sleep 0.1; done; cat /shared/file; " + FOREVER
    made["spec"]["containers"].append(container(shell, script, volumeMounts=mount) | {"name": "side"})
    core.create_namespaced_pod(space, made)
    running(cluster, core, space)
    cluster.eventually(lambda: "hello" in core.read_namespaced_pod_log("one", space, container="side"))


def test_init_containers_run_one_after_the_other_and_first(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    mount = [{"name": "shared", "mountPath": "/shared"}]
    first = [
        container(shell, f"echo {name} >> /shared/order", volumeMounts=mount) | {"name": name} for name in ("a", "b")
    ]
    volumes = [{"name": "shared", "emptyDir": {}}]
    made = pod(shell, "cat /shared/order", restartPolicy="Never", initContainers=first, volumes=volumes)
    made["spec"]["containers"][0]["volumeMounts"] = mount
    core.create_namespaced_pod(space, made)
    found = ended(cluster, core, space)
    assert core.read_namespaced_pod_log("one", space) == "a\nb\n"
    assert [s.state.terminated.exit_code for s in found.status.init_container_statuses] == [0, 0]


def test_a_failing_init_container_keeps_the_others_from_starting(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    first = [container(shell, "exit 3") | {"name": "first"}]
    core.create_namespaced_pod(space, pod(shell, restartPolicy="Never", initContainers=first))
    found = ended(cluster, core, space)
    assert found.status.phase == "Failed"
    assert found.status.container_statuses[0].state.waiting.reason == "PodInitializing"


@pytest.mark.slow
def test_readiness_follows_its_probe(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    probe = {"exec": {"command": ["test", "-e", "/data/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    more = {"readinessProbe": probe, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    core.create_namespaced_pod(space, pod(shell, container=more, volumes=[{"name": "data", "emptyDir": {}}]))
    cluster.eventually(lambda: core.read_namespaced_pod("one", space).status.phase == "Running")
    time.sleep(2)
    assert core.read_namespaced_pod("one", space).status.container_statuses[0].ready is False
    assert execute(cluster, space, "touch", "/data/ready").returncode == 0
    running(cluster, core, space)
    assert execute(cluster, space, "rm", "/data/ready").returncode == 0
    cluster.eventually(lambda: core.read_namespaced_pod("one", space).status.container_statuses[0].ready is False)
    assert core.read_namespaced_pod("one", space).status.container_statuses[0].restart_count == 0


@pytest.mark.slow
def test_a_failing_liveness_probe_restarts_the_container(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 2}
    core.create_namespaced_pod(space, pod(shell, container={"livenessProbe": probe}))

    def restarted() -> Any:
        (main,) = core.read_namespaced_pod("one", space).status.container_statuses or [None]
        return main and main.restart_count

    cluster.eventually(restarted)
    found = cluster.eventually(
        lambda: core.list_namespaced_event(space, field_selector="involvedObject.name=one,reason=Unhealthy").items
    )
    assert "Liveness probe failed" in found[0].message


@pytest.mark.slow
def test_a_startup_probe_holds_the_others_back(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    more = {
        "startupProbe": {
            "exec": {"command": ["test", "-e", "/tmp-started/yes"]},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "livenessProbe": {
            "exec": {"command": ["test", "-e", "/tmp-started/yes"]},
            "periodSeconds": 1,
            "failureThreshold": 1,
        },
        "volumeMounts": [{"name": "data", "mountPath": "/tmp-started"}],
    }
    script = "sleep 4; touch /tmp-started/yes; " + FOREVER
    core.create_namespaced_pod(space, pod(shell, script, container=more, volumes=[{"name": "data", "emptyDir": {}}]))
    found = running(cluster, core, space)
    assert found.status.container_statuses[0].restart_count == 0


def test_a_hook_runs_after_the_container_is_started(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    more: dict[str, Any] = {"lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "echo begun > /data/begun"]}}}}
    more["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    core.create_namespaced_pod(space, pod(shell, container=more, volumes=[{"name": "data", "emptyDir": {}}]))
    running(cluster, core, space)
    session = execute(cluster, space, "cat", "/data/begun")
    assert session.returncode == 0
    assert session.read_stdout() == "begun\n"


@pytest.mark.slow
def test_more_memory_than_allowed_kills_the_container(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    # A shell that doubles a string in memory; no tool is needed for it.
    script = "a=0123456789abcdef; while true; do a=$a$a; done"
    limits = {"resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}}}
    core.create_namespaced_pod(space, pod(shell, script, container=limits, restartPolicy="Never"))
    found = ended(cluster, core, space)
    state = found.status.container_statuses[0].state.terminated
    assert (state.exit_code, state.reason) == (137, "OOMKilled")


def test_a_pod_that_fits_nowhere_stays_pending(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell, nodeSelector={"conformance.example/none": "here"}))

    def unschedulable() -> Any:
        conditions = core.read_namespaced_pod("one", space).status.conditions or []
        return [c for c in conditions if c.type == "PodScheduled" and c.status == "False"]

    (condition,) = cluster.eventually(unschedulable)
    assert condition.reason == "Unschedulable"
    assert core.read_namespaced_pod("one", space).status.phase == "Pending"


def test_events_tell_what_happened_to_a_pod(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell))
    running(cluster, core, space)

    def reasons() -> Any:
        found = {e.reason for e in core.list_namespaced_event(space, field_selector="involvedObject.name=one").items}
        return found >= {"Scheduled", "Created", "Started"}

    cluster.eventually(reasons)
    said = cluster.kubectl("-n", space, "describe", "pod", "one").ok()
    assert "Started" in said.partition("Events:")[2]
