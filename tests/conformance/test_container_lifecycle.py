"""How containers end and are started again. All pods of this file start together, because each takes its time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import condition, ended, restarted, waiting
from tests.conformance.objects import FOREVER, container, pod

pytestmark = pytest.mark.slow

STUBBORN = "trap '' TERM; echo begun; while true; do sleep 0.2; done"
NOWHERE = "conformance.invalid/none:1"
FAILING = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}


def of_shell(shell: str) -> dict[str, Any]:
    """The pods, by name."""
    sidecar = container(shell, FOREVER, restartPolicy="Always") | {"name": "sidecar"}
    two = pod(shell, "exit 0", restartPolicy="Never")
    two["spec"]["containers"].append(container(shell, "exit 7") | {"name": "side"})
    secret = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]
    message = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    return {
        "done": pod(shell, "exit 0", restartPolicy="Never"),
        "failed": pod(shell, "exit 3", restartPolicy="Never"),
        "two": two,
        "again": pod(shell, "exit 0"),
        "crashing": pod(shell, "echo run; exit 1"),
        "nowhere": pod(NOWHERE),
        "unconfigured": pod(shell, container={"env": secret}),
        "uncertain": pod(shell, volumes=[{"name": "v", "configMap": {"name": "none"}}]),
        "misspelt": pod(shell, restartPolicy="Never", container={"command": ["/conformance-no-such-program"]}),
        "deadline": pod(shell, activeDeadlineSeconds=2, terminationGracePeriodSeconds=1, restartPolicy="Never"),
        "stubborn": pod(shell, STUBBORN, terminationGracePeriodSeconds=1, container={"livenessProbe": FAILING}),
        "obedient": pod(shell, container={"livenessProbe": FAILING}),
        "untimely": pod(
            shell,
            terminationGracePeriodSeconds=1,
            container={"livenessProbe": {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 2}},
        ),
        "starting": pod(
            shell,
            terminationGracePeriodSeconds=1,
            container={"startupProbe": {**FAILING, "failureThreshold": 2}, "readinessProbe": FAILING},
        ),
        "initial": pod(shell, initContainers=[container(shell) | {"name": "first"}]),
        "helped": pod(shell, "exit 0", restartPolicy="Never", initContainers=[sidecar]),
        "last-words": pod(shell, "echo the reason; exit 1", restartPolicy="Never", container=message),
    }


@pytest.fixture(scope="module")
def pods(cluster: Cluster, core: Any, shell: str, shared: str) -> str:
    """The namespace in which all of them are."""
    for name, made in of_shell(shell).items():
        made["metadata"]["name"] = name
        core.create_namespaced_pod(shared, made)
    return shared


def terminated(status: Any) -> tuple[int, str]:
    return status.state.terminated.exit_code, status.state.terminated.reason


def test_one_failed_container_of_several_fails_the_pod(cluster: Cluster, core: Any, pods: str) -> None:
    found = ended(cluster, core, pods, "two")
    assert found.status.phase == "Failed"
    assert {s.name: terminated(s) for s in found.status.container_statuses} == {
        "main": (0, "Completed"), "side": (7, "Error"),
    }  # fmt: skip


def test_a_finished_pod_is_not_ready_and_says_that_it_completed(cluster: Cluster, core: Any, pods: str) -> None:
    found = ended(cluster, core, pods, "done")
    assert condition(found, "Ready").status == "False"
    assert condition(found, "Ready").reason == "PodCompleted"


def test_with_policy_always_a_container_that_ends_well_is_started_again(cluster: Cluster, core: Any, pods: str) -> None:
    status = waiting(cluster, core, pods, "again", {"CrashLoopBackOff"})
    assert status.restart_count >= 1
    assert (status.last_state.terminated.exit_code, status.last_state.terminated.reason) == (0, "Completed")


def test_a_back_off_says_how_long_it_waits(cluster: Cluster, core: Any, pods: str) -> None:
    status = waiting(cluster, core, pods, "crashing", {"CrashLoopBackOff"})
    assert "back-off" in status.state.waiting.message
    assert "restarting failed container=main" in status.state.waiting.message
    assert status.ready is False
    found = core.read_namespaced_pod("crashing", pods)
    assert condition(found, "Ready").reason == "ContainersNotReady"


def test_an_image_pull_fails_first_and_then_backs_off(cluster: Cluster, core: Any, pods: str) -> None:
    status = waiting(cluster, core, pods, "nowhere", {"ImagePullBackOff"})
    assert NOWHERE in status.state.waiting.message
    seen = core.list_namespaced_event(pods, field_selector="involvedObject.name=nowhere,reason=Failed").items
    assert any("ErrImagePull" in event.message for event in seen)


def test_a_missing_secret_is_named_where_the_container_waits(cluster: Cluster, core: Any, pods: str) -> None:
    status = waiting(cluster, core, pods, "unconfigured", {"CreateContainerConfigError"})
    assert 'secret "none" not found' in status.state.waiting.message


def test_a_missing_volume_keeps_the_pod_creating(cluster: Cluster, core: Any, pods: str) -> None:
    status = waiting(cluster, core, pods, "uncertain", {"ContainerCreating"})
    assert status.state.running is None
    failed = cluster.eventually(
        lambda: (
            core.list_namespaced_event(pods, field_selector="involvedObject.name=uncertain,reason=FailedMount").items
        )
    )
    assert 'configmap "none" not found' in failed[0].message


def test_a_program_that_is_not_in_the_image_cannot_be_started(cluster: Cluster, core: Any, pods: str) -> None:
    found = ended(cluster, core, pods, "misspelt")
    code, reason = terminated(found.status.container_statuses[0])
    assert found.status.phase == "Failed"
    assert code in {127, 128}
    assert reason in {"StartError", "ContainerCannotRun"}
    assert "conformance-no-such-program" in found.status.container_statuses[0].state.terminated.message


def test_a_pod_past_its_deadline_is_ended_and_failed(cluster: Cluster, core: Any, pods: str) -> None:
    found = ended(cluster, core, pods, "deadline")
    assert (found.status.phase, found.status.reason) == ("Failed", "DeadlineExceeded")


def test_a_program_that_ignores_its_signal_is_killed_after_its_grace(cluster: Cluster, core: Any, pods: str) -> None:
    status = restarted(cluster, core, pods, "stubborn")
    assert (status.last_state.terminated.exit_code, status.last_state.terminated.reason) == (137, "Error")


def test_a_program_that_heeds_its_signal_ends_with_its_own_exit_code(cluster: Cluster, core: Any, pods: str) -> None:
    status = restarted(cluster, core, pods, "obedient")
    assert (status.last_state.terminated.exit_code, status.last_state.terminated.reason) == (0, "Completed")


def test_a_liveness_probe_of_a_port_that_nobody_listens_on_restarts(cluster: Cluster, core: Any, pods: str) -> None:
    restarted(cluster, core, pods, "untimely")
    seen = core.list_namespaced_event(pods, field_selector="involvedObject.name=untimely,reason=Killing").items
    assert any("failed liveness probe, will be restarted" in event.message for event in seen)


def test_a_startup_probe_that_never_succeeds_restarts_the_container(cluster: Cluster, core: Any, pods: str) -> None:
    status = restarted(cluster, core, pods, "starting")
    assert status.started is False
    seen = core.list_namespaced_event(pods, field_selector="involvedObject.name=starting,reason=Unhealthy").items
    assert all("Startup probe failed" in event.message for event in seen), "readiness waits for the startup probe"


def test_the_log_of_the_run_before_is_kept(cluster: Cluster, core: Any, pods: str) -> None:
    restarted(cluster, core, pods, "stubborn")
    assert core.read_namespaced_pod_log("stubborn", pods, previous=True) == "begun\n"
    assert cluster.kubectl("-n", pods, "logs", "stubborn", "-p").ok() == "begun\n"


def test_an_init_container_that_goes_on_holds_the_pod_pending(cluster: Cluster, core: Any, pods: str) -> None:
    def first() -> Any:
        found = core.read_namespaced_pod("initial", pods)
        return any(s.state.running for s in found.status.init_container_statuses or []) and found

    found = cluster.eventually(first)
    assert found.status.phase == "Pending"
    assert condition(found, "Initialized").status == "False"
    assert found.status.container_statuses[0].state.waiting.reason == "PodInitializing"


def test_a_sidecar_runs_beside_the_containers_and_ends_with_them(cluster: Cluster, core: Any, pods: str) -> None:
    found = ended(cluster, core, pods, "helped")
    assert found.status.phase == "Succeeded"
    assert found.status.init_container_statuses[0].state.terminated


def test_the_last_words_in_the_log_become_the_message_when_asked_for(cluster: Cluster, core: Any, pods: str) -> None:
    found = ended(cluster, core, pods, "last-words")
    assert found.status.container_statuses[0].state.terminated.message == "the reason\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("done", "0/1 +Completed +0"),
        ("failed", "0/1 +Error +0"),
        ("crashing", r"0/1 +(CrashLoopBackOff|Error) +\d+ "),
        ("nowhere", "0/1 +(ImagePullBackOff|ErrImagePull) +0"),
        ("unconfigured", "0/1 +CreateContainerConfigError +0"),
        ("uncertain", "0/1 +ContainerCreating +0"),
        ("initial", "0/1 +Init:0/1 +0"),
    ],
)
def test_kubectl_shows_the_state_of_a_pod(cluster: Cluster, pods: str, name: str, shown: str) -> None:
    import re

    def look() -> Any:
        said = cluster.kubectl("-n", pods, "get", "pod", name, "--no-headers").ok()
        return re.search(f"{name} +{shown}", said)

    cluster.eventually(look)


@pytest.mark.parametrize("path", ["/dev/termination-log", "/tmp/last-words"])
def test_what_a_container_leaves_in_its_file_becomes_its_message(
    cluster: Cluster, core: Any, shell: str, space: str, path: str
) -> None:
    more = {"terminationMessagePath": path}
    core.create_namespaced_pod(
        space, pod(shell, f"echo not this; printf 'out of oil' > {path}; exit 3", container=more, restartPolicy="Never")
    )
    (status,) = ended(cluster, core, space).status.container_statuses
    assert (status.state.terminated.exit_code, status.state.terminated.message) == (3, "out of oil")


def test_a_container_that_ends_well_may_leave_a_message_too(
    cluster: Cluster, core: Any, shell: str, space: str
) -> None:
    long = "head -c 5000 /dev/zero | tr '\\0' x > /dev/termination-log"
    core.create_namespaced_pod(space, pod(shell, long, restartPolicy="Never"))
    (status,) = ended(cluster, core, space).status.container_statuses
    assert status.state.terminated.message == "x" * 4096
