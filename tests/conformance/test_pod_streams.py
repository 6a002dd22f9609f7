"""What comes out of a pod and what goes in: logs, commands, a forwarded port, asked for by the official client."""

from __future__ import annotations

import importlib
import socket
from typing import Any

import pytest

from tests.conformance.cluster import Cluster
from tests.conformance.looks import ended, execute, running
from tests.conformance.objects import container, pod


def test_logs_are_read_whole_and_from_the_end(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(space, pod(shell, "for i in 1 2 3 4 5; do echo line $i; done", restartPolicy="Never"))
    ended(cluster, core, space)
    every = [f"line {i}" for i in range(1, 6)]
    assert core.read_namespaced_pod_log("one", space).splitlines() == every
    assert core.read_namespaced_pod_log("one", space, tail_lines=2).splitlines() == every[3:]
    assert core.read_namespaced_pod_log("one", space, limit_bytes=6) == "line 1"
    stamped = core.read_namespaced_pod_log("one", space, timestamps=True, tail_lines=1)
    moment, _, text = stamped.strip().partition(" ")
    assert text == "line 5"
    assert moment[4] == moment[7] == "-"


@pytest.mark.slow
def test_logs_are_followed_to_the_end_of_the_container(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    core.create_namespaced_pod(
        space, pod(shell, "for i in 1 2 3; do echo line $i; sleep 0.5; done", restartPolicy="Never")
    )
    cluster.eventually(lambda: core.read_namespaced_pod("one", space).status.phase != "Pending")
    followed = core.read_namespaced_pod_log("one", space, follow=True, _preload_content=False)
    assert b"".join(followed.stream()).decode().splitlines() == ["line 1", "line 2", "line 3"]


def test_of_several_containers_one_has_to_be_named(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    made = pod(shell)
    made["spec"]["containers"].append(container(shell) | {"name": "side"})
    core.create_namespaced_pod(space, made)
    running(cluster, core, space)
    answer = cluster.request("GET", f"/api/v1/namespaces/{space}/pods/one/log")
    assert answer.code == 400
    assert "choose one of: [main side]" in answer.json()["message"]
    assert core.read_namespaced_pod_log("one", space, container="side") == "started\n"


def test_a_command_runs_in_the_container(cluster: Cluster, core: Any, shell: str, space: str) -> None:
    env = [{"name": "WHERE", "value": "inside"}]
    core.create_namespaced_pod(space, pod(shell, container={"env": env}))
    running(cluster, core, space)
    session = execute(cluster, space, "sh", "-c", "echo $WHERE; echo wrong >&2; exit 5")
    assert session.returncode == 5
    assert session.read_stdout() == "inside\n"
    assert session.read_stderr() == "wrong\n"
    assert cluster.kubectl("-n", space, "exec", "one", "--", "true").code == 0
    assert cluster.kubectl("-n", space, "exec", "one", "--", "sh", "-c", "exit 9").code == 9
    assert cluster.kubectl("-n", space, "exec", "-i", "one", "--", "cat", stdin="in\nand out\n").ok() == "in\nand out\n"


def test_a_port_is_forwarded(cluster: Cluster, core: Any, space: str) -> None:
    made = pod(cluster.images.redis)
    made["spec"]["containers"] = [{"name": "main", "image": cluster.images.redis, "ports": [{"containerPort": 6379}]}]
    made["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 6379}, "periodSeconds": 1}
    core.create_namespaced_pod(space, made)
    running(cluster, core, space)
    streaming = importlib.import_module("kubernetes.client").CoreV1Api(cluster.client())
    forward = importlib.import_module("kubernetes.stream").portforward(
        streaming.connect_get_namespaced_pod_portforward, "one", space, ports="6379"
    )
    connection: socket.socket = forward.socket(6379)
    connection.setblocking(True)
    connection.settimeout(20)
    connection.sendall(b"PING\r\n")
    assert connection.recv(7) == b"+PONG\r\n"
    connection.close()
