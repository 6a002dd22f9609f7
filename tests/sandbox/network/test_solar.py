"""Faults and policies in a whole system: the YAML goes in with kubectl, the effect shows at the ingress."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxHandle

pytestmark = pytest.mark.slow

NAMESPACE = "solar-pv-llm-ai"
HOST = "api.solar.example"
KUBECTL = str(Path(sys.executable).with_name("kubectl"))


class Solar:
    """Solar, seen from outside."""

    def __init__(self, handle: SandboxHandle) -> None:
        self._handle = handle
        record = json.loads((handle.state / "sandbox.json").read_text())
        self._address = f"{record['network']}.0.10"
        self._trust = ssl.create_default_context(cafile=record["ca"])

    def kubectl(self, *words: str, given: str | None = None) -> str:
        command = [KUBECTL, f"--kubeconfig={self._handle.kubeconfig}", f"--namespace={NAMESPACE}", *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def having(self, manifest: dict[str, Any]) -> Iterator[None]:
        """Apply a manifest; take it away afterwards, which must not hang."""
        manifest["metadata"] = {"name": "test", "namespace": NAMESPACE}
        self.kubectl("apply", "-f", "-", given=json.dumps(manifest))
        try:
            yield
        finally:
            self.kubectl("delete", manifest["kind"], "test", "--ignore-not-found")
            self.until(lambda: self.get("/health")[0] == 200, "Solar is well again")

    def get(self, path: str, method: str = "GET", body: str = "", timeout: float = 15) -> tuple[int, float, str]:
        """Status (0 for no answer), seconds and body."""
        began = time.monotonic()
        connection = http.client.HTTPSConnection(self._address, 8443, timeout=timeout)
        try:
            line = socket.create_connection((self._address, 8443), timeout)
            connection.sock = self._trust.wrap_socket(line, server_hostname=HOST)
            connection.request(method, path, body or None, {"Host": HOST})
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, time.monotonic() - began, text
        except OSError:
            return 0, time.monotonic() - began, ""
        finally:
            connection.close()

    def chaos(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "networkchaos", "test", "-o", "json"))
        return found

    def condition(self, name: str) -> str:
        found = self.chaos().get("status", {}).get("conditions", [])
        return next((one["status"] for one in found if one["type"] == name), "")

    def until(self, look: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not look():
            assert time.monotonic() < deadline, f"waited {seconds:g} s until {what}"
            time.sleep(0.1)

    def pod(self, app: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "pods", "-l", f"app={app}", "-o", "json"))["items"][0]
        return found


def chosen(app: str) -> dict[str, Any]:
    return {"mode": "all", "selector": {"labelSelectors": {"app": app}}}


def experiment(action: str, app: str, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "NetworkChaos",
        "spec": {"action": action} | chosen(app) | more,
    }


@pytest.fixture
def system(solar: SandboxHandle) -> Solar:
    return Solar(solar)


def test_a_partition_from_the_database_makes_health_503_and_its_deletion_heals(system: Solar) -> None:
    assert system.get("/health")[0] == 200
    with system.having(experiment("partition", "backend", direction="both", target=chosen("postgres"))):
        system.until(lambda: system.condition("AllInjected") == "True", "it is injected")
        code, _, body = system.get("/health")
        assert code == 503
        assert '"cache":"ok"' in body.replace(" ", "")
        listed = system.kubectl("get", "networkchaos").split()
        assert listed[:3] == ["NAME", "ACTION", "DURATION"]
        assert listed[3:5] == ["test", "partition"]
        told = system.kubectl("describe", "networkchaos", "test")
        for word in ("Container Records", "Selector Key", "Desired Phase", "Successfully apply chaos", "AllInjected"):
            assert word in told
    assert system.get("/health")[0] == 200


def test_an_experiment_with_a_duration_recovers_by_itself(system: Solar) -> None:
    cut = experiment("partition", "backend", direction="both", target=chosen("redis"), duration="3s")
    with system.having(cut):
        system.until(lambda: system.condition("AllInjected") == "True", "it is injected")
        assert system.get("/health")[0] == 503
        system.until(lambda: system.condition("AllRecovered") == "True", "the time is up")
        system.until(lambda: system.get("/health")[0] == 200, "it is healed")
        status = system.chaos()["status"]
        assert status["experiment"]["desiredPhase"] == "Stop"
        assert [e["operation"] for e in status["experiment"]["containerRecords"][0]["events"]] == ["Apply", "Recover"]
        assert "TimeUp" in system.kubectl("get", "events")


def test_a_delay_of_what_the_backend_sends_is_seen_by_visitors(system: Solar) -> None:
    quick = min(system.get("/ready")[1] for _ in range(3))
    with system.having(experiment("delay", "backend", delay={"latency": "400ms", "jitter": "20ms"})):
        system.until(lambda: system.get("/ready")[1] > 0.35, "it is slow")
        times = [system.get("/ready")[1] for _ in range(4)]
        assert all(0.35 + quick / 2 < seconds < 1.5 for seconds in times)
        # The question to the database goes out late, and the answer to the visitor again.
        assert system.get("/health")[1] > 0.75
    assert system.get("/ready")[1] < 0.35


def test_a_limit_makes_a_big_answer_slow(system: Solar) -> None:
    for i in range(4):
        assert system.get("/orders", "POST", json.dumps({"key": f"big-{i}", "body": "x" * 20_000}))[0] == 201
    assert system.get("/orders/big-0")[1] < 1.0
    slow = experiment("bandwidth", "backend", bandwidth={"rate": "8kbps", "limit": 20_000, "buffer": 2_000})
    with system.having(slow):
        system.until(lambda: system.condition("AllInjected") == "True", "it is injected")
        time.sleep(0.5)  # until the ingress has heard of the stand-in
        code, seconds, body = system.get("/orders/big-1")
        assert code == 200
        assert len(body) > 20_000
        assert 1.5 < seconds < 6


def test_a_policy_that_lets_only_the_backend_reach_the_database_stops_the_worker(system: Solar) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "spec": {
            "podSelector": {"matchLabels": {"app": "postgres"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "backend"}}}], "ports": [{"port": 5432}]}],
        },
    }
    key = f"policy-{time.time_ns()}"
    with system.having(policy):
        assert system.get("/health")[0] == 200
        assert system.get("/tasks", "POST", json.dumps({"key": key}))[0] in {200, 201, 202}
        time.sleep(3)
        assert system.get(f"/tasks/{key}")[0] == 404
        assert "database is not available" in system.kubectl("logs", "-l", "app=celery-worker", "--tail=20")
    system.until(lambda: system.get(f"/tasks/{key}")[0] == 200, "the worker works again")


def test_a_policy_that_denies_all_makes_even_the_ingress_wait_in_vain(system: Solar) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "spec": {"podSelector": {"matchLabels": {"app": "backend"}}, "policyTypes": ["Ingress"]},
    }
    with system.having(policy):
        time.sleep(0.5)
        code, seconds, _ = system.get("/ready", timeout=3)
        assert code == 0
        assert seconds >= 2.9


_STRAIGHT = """
import socket, sys, time
line = socket.create_connection((sys.argv[1], 5432), 5)
line.settimeout(3)
time.sleep(float(sys.argv[2]))
line.sendall(bytes.fromhex("0000000804d2162f"))
try:
    print("answer", line.recv(1))
except TimeoutError:
    print("silence")
"""


def test_a_partition_holds_for_connections_straight_to_the_pod_too(system: Solar) -> None:
    address = system.pod("postgres")["status"]["podIP"]
    straight = ["exec", "deploy/backend", "--", "python3", "-c", _STRAIGHT, address, "0.7"]
    assert "answer" in system.kubectl(*straight)
    with system.having(experiment("partition", "backend", direction="both", target=chosen("postgres"))):
        system.until(lambda: system.condition("AllInjected") == "True", "it is injected")
        assert "silence" in system.kubectl(*straight)


def test_what_is_not_supported_is_told_by_kubectl_and_does_nothing(system: Solar) -> None:
    with system.having(experiment("corrupt", "backend", corrupt={"corrupt": "50"})):
        system.until(lambda: system.condition("Selected") == "True", "it is looked at")
        assert system.condition("AllInjected") == "False"
        told = system.kubectl("describe", "networkchaos", "test")
        assert "does not support this: action corrupt" in told
        assert system.get("/health")[0] == 200
