"""kill -9, of each process of a sandbox in turn."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import pytest

from drillbook.sandbox.kubelet import processes
from tests.robustness.ground import DEPLOYMENTS, DRILLBOOK, HOME, Ground, deployment, listening, until

CADDY = "/api/v1/namespaces/ingress-system/pods"


def database() -> dict[str, Any]:
    env = [
        {"name": "POSTGRES_PASSWORD", "value": "only-here"},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    ready = {"exec": {"command": ["pg_isready", "--quiet", "-U", "postgres"]}, "periodSeconds": 1, "timeoutSeconds": 5}
    return deployment("db", 1, image="postgres:16", command=[], env=env, readinessProbe=ready)


@pytest.fixture
def system(ground: Ground) -> Ground:
    """A sandbox with two sleeping pods and a database."""
    ground.manifests(deployment("web", 2), database())
    ground.up()
    return ground


def command_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - it may be gone
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def find(ground: Ground, *words: str) -> list[int]:
    """The sandbox's processes whose command lines hold all the words."""
    family = processes.tree(ground.daemon)[1:]
    return [pid for pid in family if all(word in command_of(pid) for word in words)]


def restarts(pods: list[dict[str, Any]]) -> list[int]:
    return sorted(pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods)


def test_a_killed_container_is_started_again(system: Ground) -> None:
    before = system.footprint()
    system.kill(find(system, "sleep", "3600")[0])
    until(lambda: restarts(system.pods("web-")) == [0, 1] and len(system.ready("web-")) == 2, "one restart")
    (status,) = [
        pod["status"]["containerStatuses"][0]
        for pod in system.pods("web-")
        if pod["status"]["containerStatuses"][0]["restartCount"]
    ]
    assert status["lastState"]["terminated"]["exitCode"] == 137
    system.settles_at(before)


def test_a_database_recovers_from_the_kill_of_one_of_its_processes(system: Ground) -> None:
    victim = find(system, "postgres:", "checkpointer")
    assert victim
    system.kill(victim[0])
    until(lambda: set(find(system, "postgres:", "checkpointer")) - set(victim), "another checkpointer")
    until(lambda: len(system.ready("db-")) == 1, "the database to be Ready")
    assert restarts(system.pods("db-")) == [0]


def test_a_killed_database_server_is_started_again_and_nothing_of_the_old_one_stays(system: Ground) -> None:
    (old,) = [pid for pid in find(system, "bin/postgres", "-D") if "postgres:" not in command_of(pid)]
    family = processes.tree(old)
    system.kill(old)
    until(lambda: restarts(system.pods("db-")) == [1] and system.ready("db-"), "the database to be Ready again")
    assert not [pid for pid in family if processes.is_running(pid)]


def test_a_killed_ingress_is_started_again_and_listens(system: Ground) -> None:
    before = system.footprint()
    (caddy,) = find(system, "caddy", "run")
    system.kill(caddy)

    def again() -> bool:
        (pod,) = system.api.json("GET", CADDY)["items"]
        status = pod["status"]["containerStatuses"][0]
        return bool(status["restartCount"] == 1 and status["ready"])

    until(again, "the ingress to be Ready again")
    system.settles_at(before)


def test_nothing_outlives_a_killed_daemon_and_up_works_again(system: Ground) -> None:
    network = int(system.record["network"].split(".")[1])
    family = processes.tree(system.daemon)
    assert len(family) > 5
    first = system.daemon
    system.kill(first)
    until(lambda: not [pid for pid in family if processes.is_running(pid)], "its processes to end with it", 10)
    until(lambda: not listening(network), "its ports to be free", 10)
    system.forget_connection()
    assert "no sandbox called" in system.run("kubeconfig", HOME, code=3)
    system.up()
    assert system.daemon != first
    assert len(system.ready()) == 3
    system.down()
    system.assert_nothing_left()


def test_a_daemon_killed_while_it_starts_leaves_nothing(ground: Ground) -> None:
    ground.manifests(deployment("web", 20), database())
    starting = subprocess.Popen(
        [DRILLBOOK, "sandbox", "up", HOME],
        cwd=ground.folder,
        env=os.environ | {"DRILLBOOK_STATE": str(ground.state)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: len(ground.processes()) > 3, "the first containers", 30)
    ground.kill(ground.daemon)
    said, _ = starting.communicate(timeout=30)
    assert starting.returncode == 3, said
    assert "ended before it was ready" in said
    assert "Traceback" not in said
    ground.assert_nothing_left()


def test_a_deployment_heals_while_its_processes_are_killed_over_and_over(system: Ground) -> None:
    before = system.footprint()
    system.api.json("POST", DEPLOYMENTS, deployment("storm", 10))
    until(lambda: len(system.ready("storm-")) == 10, "the pods of the storm")
    for _ in range(3):
        for pid in find(system, "sleep", "3600"):
            system.kill(pid)
        time.sleep(0.5)
    until(lambda: len(system.ready("storm-")) == 10, "the pods of the storm to be Ready again", 120)
    system.api.json("DELETE", f"{DEPLOYMENTS}/storm")
    until(lambda: not system.pods("storm-"), "the pods of the storm to be gone")
    until(lambda: len(system.ready("web-")) == 2, "the others to be Ready again", 120)
    system.settles_at(before)
