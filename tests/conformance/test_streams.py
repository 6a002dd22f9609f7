"""Logs, commands in containers, attaching, and forwarded ports, as kubectl asks for them."""

from __future__ import annotations

import re
import select
import socket
import subprocess
import time
from typing import Any

import pytest

from tests.conformance.cluster import KUBECTL, Cluster
from tests.conformance.looks import ended, running
from tests.conformance.objects import FOREVER, container, pod


@pytest.fixture(scope="module")
def talker(cluster: Cluster, core: Any, shell: str, shared: str) -> str:
    """A namespace with a pod of two containers, both of which say something each second."""
    script = "trap 'exit 0' TERM; i=0; while true; do echo line $i; i=$((i+1)); sleep 1; done"
    made = pod(shell, script)
    made["spec"]["containers"].append(container(shell) | {"name": "side"})
    made["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "main"}
    core.create_namespaced_pod(shared, made)
    running(cluster, core, shared)
    return shared


@pytest.mark.slow
def test_logs_since_a_moment_leave_out_what_was_said_before(cluster: Cluster, talker: str) -> None:
    cluster.eventually(lambda: "line 4" in cluster.kubectl("-n", talker, "logs", "one").ok())
    late = cluster.kubectl("-n", talker, "logs", "one", "--since=2s").ok()
    assert "line 0\n" not in late
    assert late


def test_logs_of_all_containers_are_told_apart(cluster: Cluster, talker: str) -> None:
    said = cluster.kubectl("-n", talker, "logs", "one", "--all-containers", "--prefix").ok()
    assert "[pod/one/side] started" in said
    assert "[pod/one/main] line 0" in said


def test_logs_by_label_come_from_every_pod(cluster: Cluster, talker: str) -> None:
    assert "started" in cluster.kubectl("-n", talker, "logs", "-l", "app=one", "-c", "side").ok()


def test_logs_carry_their_times_when_asked(cluster: Cluster, talker: str) -> None:
    said = cluster.kubectl("-n", talker, "logs", "one", "-c", "side", "--timestamps").ok()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) started\n", said)


def test_followed_logs_go_on(cluster: Cluster, talker: str) -> None:
    command = [str(KUBECTL), "--kubeconfig", str(cluster.kubeconfig), "-n", talker, "logs", "-f", "one", "--tail=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        first, second = following.stdout.readline(), following.stdout.readline()
        following.terminate()
    assert int(second.split()[1]) == int(first.split()[1]) + 1


def test_logs_of_a_run_that_never_was_are_a_bad_request(cluster: Cluster, talker: str) -> None:
    path = f"/api/v1/namespaces/{talker}/pods/one/log?container=side&previous=true"
    answer = cluster.request("GET", path)
    assert answer.code == 400
    assert 'previous terminated container "side" in pod "one" not found' in answer.json()["message"]


def test_logs_of_a_container_that_the_pod_has_not_are_a_bad_request(cluster: Cluster, talker: str) -> None:
    answer = cluster.request("GET", f"/api/v1/namespaces/{talker}/pods/one/log?container=none")
    assert answer.code == 400
    assert "container none is not valid for pod one" in answer.json()["message"]


def test_logs_of_a_container_that_waits_are_a_bad_request(cluster: Cluster, core: Any, space: str) -> None:
    core.create_namespaced_pod(space, pod("conformance.invalid/none:1"))
    cluster.eventually(lambda: core.read_namespaced_pod("one", space).status.container_statuses)
    answer = cluster.request("GET", f"/api/v1/namespaces/{space}/pods/one/log")
    assert answer.code == 400
    assert 'container "main" in pod "one" is waiting to start' in answer.json()["message"]


def test_a_command_runs_in_the_default_container(cluster: Cluster, talker: str) -> None:
    assert cluster.kubectl("-n", talker, "exec", "one", "--", "echo", "hello").ok() == "hello\n"


def test_a_command_keeps_its_outputs_apart(cluster: Cluster, talker: str) -> None:
    done = cluster.kubectl("-n", talker, "exec", "one", "-c", "side", "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.out, done.err) == ("out\n", "err\n")


def test_a_command_that_is_not_there_is_said_so(cluster: Cluster, talker: str) -> None:
    done = cluster.kubectl("-n", talker, "exec", "one", "--", "conformance-no-such-program")
    assert done.code != 0
    assert "conformance-no-such-program" in done.err


def test_a_command_ends_when_its_input_does(cluster: Cluster, talker: str) -> None:
    done = cluster.kubectl("-n", talker, "exec", "-i", "one", "--", "wc", "-c", stdin="x" * 100_000)
    assert done.ok().strip() == "100000"


def test_many_bytes_come_through_unharmed(cluster: Cluster, talker: str) -> None:
    script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789abcdef; i=$((i+1)); done"
    assert cluster.kubectl("-n", talker, "exec", "one", "--", "sh", "-c", script).ok() == "0123456789abcdef\n" * 20_000


def test_outputs_can_be_opened_by_their_names(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    script = "echo out > /dev/stdout; echo err > /dev/stderr"
    core.create_namespaced_pod(space, pod(shell, script, restartPolicy="Never"))
    ended(cluster, core, space)
    assert sorted(core.read_namespaced_pod_log("one", space).splitlines()) == ["err", "out"]


def test_no_command_runs_in_a_pod_that_has_ended(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell, "exit 0", restartPolicy="Never"))
    ended(cluster, core, space)
    done = cluster.kubectl("-n", space, "exec", "one", "--", "true")
    assert done.code == 1
    assert "cannot exec" in done.err


def test_attaching_shows_what_the_program_says_from_now_on(cluster: Cluster, talker: str) -> None:
    command = [str(KUBECTL), "--kubeconfig", str(cluster.kubeconfig), "-n", talker, "attach", "one", "-c", "main"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as attached:
        assert attached.stdout is not None
        said = attached.stdout.readline()
        attached.terminate()
    assert said.startswith("line ")


def test_what_is_typed_while_attached_reaches_the_program(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    made = pod(shell, "read word; echo heard $word; " + FOREVER, container={"stdin": True})
    core.create_namespaced_pod(space, made)
    running(cluster, core, space)
    command = [str(KUBECTL), "--kubeconfig", str(cluster.kubeconfig), "-n", space, "attach", "-i", "one"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as typed:
        assert typed.stdin is not None
        typed.stdin.write(b"hello\n")
        typed.stdin.flush()
        cluster.eventually(lambda: "heard hello" in core.read_namespaced_pod_log("one", space))
        typed.terminate()


def test_kubectl_forwards_a_port_of_a_deployment(cluster: Cluster, apps: Any, core: Any, space: str) -> None:
    cluster.kubectl("-n", space, "create", "deployment", "cache", f"--image={cluster.images.redis}", "--port=6379").ok()
    cluster.kubectl("-n", space, "rollout", "status", "deployment/cache").ok()
    base = [str(KUBECTL), "--kubeconfig", str(cluster.kubeconfig), "-n", space]
    command = [*base, "port-forward", "deployment/cache", ":6379"]

    def asked() -> bytes:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as forwarding:
            try:
                assert forwarding.stdout is not None
                assert select.select([forwarding.stdout], [], [], 30 * cluster.patience)[0]
                port = int(re.findall(r"127\.0\.0\.1:(\d+)", forwarding.stdout.readline())[0])
                with socket.create_connection(("127.0.0.1", port), 10) as line:
                    line.sendall(b"PING\r\n")
                    return line.recv(100)
            finally:
                forwarding.terminate()

    # The server may not listen yet although its container runs.
    until = time.monotonic() + 30 * cluster.patience
    while (answer := asked()) != b"+PONG\r\n" and time.monotonic() < until:
        time.sleep(0.5)
    assert answer == b"+PONG\r\n"
