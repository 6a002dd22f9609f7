"""A disk that fills up below a running sandbox: sentences, no lies, and everything goes on once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robustness.ground import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOME,
    Ground,
    config_map,
    deployment,
    until,
)  # fmt: skip

SIZE = "300m"
HOLD = "mount -t tmpfs -o size={size},mode=700 none {state} && echo mounted && exec sleep 3600"
EVENTS = f"/api/v1/namespaces/{HOME}/events"
TALKS = {"command": ["sh", "-c", "while :; do echo still here; sleep 0.1; done"]}


class SmallDisk(Ground):
    """A ground whose state folder is a small disk, in name spaces of its own."""

    holder: subprocess.Popen[str]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def home(self) -> Path:
        return Path(f"/proc/{self.holder.pid}/root{self.state}") / HOME

    def hold(self) -> None:
        """Mount the disk; skipped, with the reason, where the kernel gives no name spaces."""
        script = HOLD.format(size=SIZE, state=self.state)
        spaces = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
        self.holder = subprocess.Popen(
            [*spaces, "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.holder.stdout is not None
        said = self.holder.stdout.readline().strip()
        if said != "mounted":
            pytest.skip(f"this kernel lets no disk be mounted in a name space: {said}")
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.within = ["nsenter", f"--target={self.holder.pid}", "--mount", *user, f"--wd={self.folder}"]

    def let_go(self) -> None:
        self.holder.kill()
        self.holder.wait()

    @property
    def filler(self) -> Path:
        return self.home.parent / "filler"

    def fill(self) -> None:
        """To the last byte."""
        with self.filler.open("ab", buffering=0) as file:
            for size in (2**20, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue


@pytest.fixture
def small() -> Iterator[SmallDisk]:
    """A place on a small disk."""
    folder = Path(tempfile.mkdtemp(prefix="rb-"))
    (folder / "state").mkdir(mode=0o700)
    made = SmallDisk(folder)
    made.manifests(deployment("talks", 1, **TALKS))
    made.hold()
    try:
        yield made
        made.down()
    finally:
        made.let_go()
        shutil.rmtree(folder)


def messages(ground: Ground, name: str) -> list[str]:
    found: list[dict[str, Any]] = ground.api.json("GET", EVENTS)["items"]
    return [event["message"] for event in found if event["involvedObject"]["name"].startswith(name)]


def test_a_full_disk_stops_no_running_pod_and_lets_new_ones_wait_with_a_sentence(small: SmallDisk) -> None:
    small.up()
    before = small.ready("talks-")[0]["metadata"]["uid"]
    small.fill()
    small.api.json("POST", CONFIG_MAPS, config_map("kept", a="1"))
    small.api.json("PUT", f"{CONFIG_MAPS}/kept", config_map("kept", a="2"))
    small.api.json("POST", DEPLOYMENTS, deployment("late", 2))
    service = {"selector": {"app": "late"}, "ports": [{"port": 8000}]}
    meta = {"name": "late", "namespace": HOME}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service}
    small.api.json("POST", f"/api/v1/namespaces/{HOME}/services", body)
    until(lambda: any("No space left on device" in m for m in messages(small, "late-")), "an event that says why", 60)
    assert small.api.json("GET", f"{CONFIG_MAPS}/kept")["data"] == {"a": "2"}
    (talks,) = small.ready("talks-")
    assert (talks["metadata"]["uid"], talks["status"]["containerStatuses"][0]["restartCount"]) == (before, 0)
    assert "needs 200 MiB" in small.run("up", HOME, "--name", "other", code=2)
    small.filler.unlink()
    until(lambda: len(small.ready("late-")) == 2, "the pods that waited to be Ready", 60)
    (talks,) = small.ready("talks-")
    assert (talks["metadata"]["uid"], talks["status"]["containerStatuses"][0]["restartCount"]) == (before, 0)
    log = small.api.raw("GET", f"/api/v1/namespaces/{HOME}/pods/{talks['metadata']['name']}/log").decode()
    assert set(log.splitlines()) == {"still here"}
    assert "Traceback" not in small.log()


def test_down_takes_everything_away_from_a_full_disk(small: SmallDisk) -> None:
    small.up()
    small.fill()
    small.down()
    until(lambda: not small.processes(), "every process to end", 10)
    assert [place.name for place in small.filler.parent.iterdir()] == ["filler"]
