"""What ``drillbook sandbox`` promises to whoever types it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import Unreachable
from drillbook.sandbox.kubelet import processes
from drillbook.sandbox.network import claim

DRILLBOOK = str(Path(sys.executable).with_name("drillbook"))

TINY = """
apiVersion: v1
kind: Namespace
metadata: {name: tiny}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: tiny}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: busybox
          command: [sh, -c, "setsid sleep 300 & exec sleep 300"]
          ports: [{containerPort: 8000}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: tiny}
spec: {selector: {app: web}, ports: [{port: 8000}]}
"""


@dataclass
class Place:
    """A folder with a system of its own, and a state folder of its own."""

    folder: Path
    env: dict[str, str]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run ``drillbook sandbox``; returns everything it said."""
        done = subprocess.run(
            [DRILLBOOK, "sandbox", *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def record(self, name: str = "tiny") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / name / "sandbox.json").read_text())
        return found

    @property
    def state(self) -> Path:
        return Path(self.env["DRILLBOOK_STATE"])

    def manifests(self, text: str) -> None:
        (self.folder / "systems/tiny/manifests/all.yaml").write_text(text)

    def left(self) -> list[int]:
        """Processes of any sandbox whose state is in this place."""
        return list(
            processes.marked(b"DRILLBOOK_RUN=" + os.fsencode(self.state), b"DRILLBOOK_STATE=" + os.fsencode(self.state))
        )

    def eventually(self, look: Callable[[], bool]) -> None:
        """Wait some seconds at most until it is so."""
        deadline = time.monotonic() + 5
        while not look() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert look()

    def assert_nothing_left(self) -> None:
        self.eventually(lambda: not self.left())
        assert list(self.state.iterdir()) == []


@pytest.fixture
def place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="dl-"))
    (folder / "systems/tiny/manifests").mkdir(parents=True)
    (folder / "systems/tiny/policy.yaml").write_text("{}")
    (folder / "state").mkdir(mode=0o700)
    made = Place(folder, os.environ | {"DRILLBOOK_STATE": str(folder / "state")})
    made.manifests(TINY)
    yield made
    made.run("down", "--all")
    shutil.rmtree(folder)


def test_up_returns_when_all_is_ready_its_state_is_private_and_down_leaves_nothing(place: Place) -> None:
    said = place.run("up", "tiny")
    assert "is up: everything Ready" in said
    assert f"export KUBECONFIG={place.state}/tiny/kubeconfig" in said
    state = json.loads(place.run("status", "tiny", "--json"))[0]
    assert (state["pods_ready"], state["ready"]) == (3, True)
    assert place.run("kubeconfig", "tiny", "--path").strip() == state["kubeconfig"]
    assert "token" in place.run("kubeconfig", "tiny")
    assert (place.state / "tiny").stat().st_mode & 0o77 == 0
    assert (place.state / "tiny/kubeconfig").stat().st_mode & 0o77 == 0
    assert "is up already" in place.run("up", "tiny")
    assert place.record()["pid"] == state["pid"]
    place.run("down", "tiny")
    place.assert_nothing_left()
    place.run("status", "tiny", code=3)
    assert "No sandbox called tiny is up" in place.run("down", "tiny")


def test_two_sandboxes_run_side_by_side_and_a_leashed_one_ends_with_its_holder(place: Place) -> None:
    holder = subprocess.Popen(["sleep", "300"])
    place.run("up", "tiny", "-q", "--leash", str(holder.pid))
    place.run("up", "tiny", "--name", "other", "-q")
    assert place.record()["network"] != place.record("other")["network"]
    assert place.record()["cluster_uid"] != place.record("other")["cluster_uid"]
    holder.kill()
    holder.wait()
    place.eventually(lambda: [found.name for found in place.state.iterdir()] == ["other"])
    assert json.loads(place.run("status", "--name", "other", "--json"))[0]["pods_ready"] == 3


def test_up_takes_the_place_of_one_that_was_killed_and_down_clears_after_such_a_one(place: Place) -> None:
    place.run("up", "tiny", "-q")
    first = place.record()["pid"]
    os.kill(first, signal.SIGKILL)
    place.run("up", "tiny", "-q")
    second = place.record()["pid"]
    assert second != first
    assert json.loads(place.run("status", "tiny", "--json"))[0]["pods_ready"] == 3
    os.kill(second, signal.SIGKILL)
    place.run("down", "tiny")
    place.assert_nothing_left()


def test_down_removes_a_state_folder_that_nobody_owns(place: Place) -> None:
    (place.state / "tiny" / "pods").mkdir(parents=True)
    place.run("down", "tiny")
    assert not (place.state / "tiny").exists()


def test_ctrl_c_while_starting_takes_everything_down(place: Place) -> None:
    place.manifests(TINY.replace("image:", "readinessProbe: {exec: {command: ['false']}}\n          image:"))
    starting = subprocess.Popen(
        [DRILLBOOK, "sandbox", "up", "tiny"], cwd=place.folder, env=place.env, stderr=subprocess.PIPE, text=True
    )
    assert starting.stderr is not None
    for line in starting.stderr:
        if "pods Ready" in line:
            break
    starting.send_signal(signal.SIGINT)
    said = starting.stderr.read()
    assert starting.wait(10) == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    place.assert_nothing_left()


def test_an_unknown_system_is_a_sentence_that_names_the_known_ones(place: Place) -> None:
    said = place.run("up", "nosuch", code=2)
    assert "no system named 'nosuch'" in said
    assert "tiny" in said


def test_a_pod_that_crashes_is_said_with_its_last_words_when_time_is_up(place: Place) -> None:
    place.manifests(TINY.replace("setsid sleep 300 & exec sleep 300", "echo my last words; exit 4"))
    said = place.run("up", "tiny", "--timeout", "2s", code=3)
    assert "within 2 s" in said
    assert "CrashLoopBackOff" in said
    assert "exit code 4" in said
    assert "my last words" in said
    place.assert_nothing_left()


def test_an_image_that_nobody_carries_is_said_with_the_pod_and_kept_up_it_can_be_looked_at(place: Place) -> None:
    place.manifests(TINY.replace("image: busybox", "image: example.com/nobody/has-this:1"))
    said = place.run("up", "tiny", "--keep", code=3)
    assert "pod tiny/web-" in said
    assert "example.com/nobody/has-this:1" in said
    assert json.loads(place.run("status", "tiny", "--json"))[0]["pods_ready"] == 1
    place.run("down", "tiny")
    place.assert_nothing_left()


def test_a_port_that_another_program_holds_is_named_with_its_holder(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        place.manifests(TINY.replace("8000", str(port)))
        said = place.run("up", "tiny", code=3)
    assert f"0.0.0.0:{port}" in said
    # From a user name space of its own the sandbox sees whose the program is, and no more.
    assert f"(pid {os.getpid()})" in said or (os.geteuid() != 0 and "another process of yours (ss -ltnp" in said)
    place.assert_nothing_left()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "all.yaml:2: expected YAML"),
        ("just words", "expected Kubernetes objects with apiVersion and kind"),
        ("{apiVersion: v1, kind: Pod, metadata: {}}", "expected metadata.name"),
        ("{apiVersion: v9, kind: Nothing, metadata: {name: x}}", "doesn't serve Nothing of v9"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: none}}", 'namespaces "none" not found'),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dota: {}}", "dota"),
    ],
)
def test_manifests_that_can_t_be_applied_are_a_sentence(place: Place, text: str, said: str) -> None:
    place.manifests(text)
    assert said in place.run("up", "tiny", code=2)
    place.assert_nothing_left()


def test_a_state_folder_too_long_for_sockets_is_refused_with_the_way_out(place: Place) -> None:
    place.env["DRILLBOOK_STATE"] = str(place.folder / ("x" * 60))
    assert "DRILLBOOK_STATE" in place.run("up", "tiny", code=2)
    place.env["DRILLBOOK_STATE"] = str(place.folder / "state")


def test_a_state_folder_that_can_t_be_made_is_refused_with_the_way_out(place: Place) -> None:
    (place.folder / "file").write_text("")
    place.env["DRILLBOOK_STATE"] = str(place.folder / "file" / "s")
    said = place.run("up", "tiny", code=2)
    assert "can't be made" in said
    assert "DRILLBOOK_STATE" in said
    place.env["DRILLBOOK_STATE"] = str(place.folder / "state")


def test_when_every_network_is_taken_the_sentence_says_by_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    first = claim.claim_network()
    number = int(first.getsockname()[0].split(".")[1])
    monkeypatch.setattr(claim, "FIRST_NETWORK", number)
    monkeypatch.setattr(claim, "LAST_NETWORK", number)
    with pytest.raises(Unreachable, match="no free network"):
        claim.claim_network()
    first.close()
    claim.claim_network().close()


def test_bad_calls_are_sentences(place: Place) -> None:
    assert "can't be the name" in place.run("up", "tiny", "--name", "Not A Name", code=2)
    assert "--timeout" in place.run("up", "tiny", "--timeout", "soon", code=2)
    assert "which sandbox" in place.run("down", code=2)
    assert "no sandbox called tiny is running" in place.run("kubeconfig", "tiny", code=3)
