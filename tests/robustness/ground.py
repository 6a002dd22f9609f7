"""A sandbox with a state folder of its own, and what it holds of this machine while it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.api import Api
from drillbook.sandbox.kubelet import processes

DRILLBOOK = str(Path(sys.executable).with_name("drillbook"))
HOME = "robust"
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}
PODS = f"/api/v1/namespaces/{HOME}/pods"
CONFIG_MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{HOME}/deployments"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the sandbox holds; the same before and after means that nothing was left behind."""

    processes: int
    open_files: int
    """Of the daemon."""
    listening: frozenset[str]
    """Addresses of the sandbox's network on which somebody listens, in the kernel's hexadecimal."""
    folders: frozenset[str]
    """Below the state folder, down to the pods and volumes."""


@dataclass
class Ground:
    """A folder with one small system, and the sandbox that runs it."""

    folder: Path
    within: list[str] = field(default_factory=list)
    """The command that each of ours follows, as ``nsenter``."""
    _api: Api | None = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def home(self) -> Path:
        """The sandbox's own state folder, as it is seen from here."""
        return self.state / HOME

    def manifests(self, *objects: dict[str, Any]) -> None:
        """What the system is made of, besides its namespace."""
        place = self.folder / "systems" / HOME
        (place / "manifests").mkdir(parents=True, exist_ok=True)
        (place / "policy.yaml").write_text("{}")
        text = "\n---\n".join(json.dumps(obj) for obj in (SPACE, *objects))
        (place / "manifests/all.yaml").write_text(text)

    def run(self, *arguments: str, code: int = 0, seconds: float = 120) -> str:
        """Run ``drillbook sandbox``; returns everything it said, which is never a traceback."""
        done = subprocess.run(
            [*self.within, DRILLBOOK, "sandbox", *arguments],
            cwd=self.folder,
            env=os.environ | {"DRILLBOOK_STATE": str(self.state)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def up(self) -> None:
        self.run("up", HOME, "--timeout", "100s")

    def down(self) -> None:
        """End it; afterwards nothing is left."""
        self.forget_connection()
        self.run("down", HOME)

    def forget_connection(self) -> None:
        """The next call opens another one."""
        if self._api is not None:
            self._api.close()
            self._api = None

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "sandbox.json").read_text())
        return found

    @property
    def daemon(self) -> int:
        return int(self.record["pid"])

    @property
    def api(self) -> Api:
        """One kept connection."""
        if self._api is None:
            self._api = self.connect()
        return self._api

    def connect(self) -> Api:
        """A connection of one's own."""
        return Api(self.home / "kubeconfig")

    def log(self) -> str:
        """What the daemon wrote."""
        return (self.home / "daemon.log").read_text(errors="replace")

    def pods(self, prefix: str = "") -> list[dict[str, Any]]:
        found = self.api.json("GET", PODS)["items"]
        return [pod for pod in found if pod["metadata"]["name"].startswith(prefix)]

    def ready(self, prefix: str = "") -> list[dict[str, Any]]:
        return [pod for pod in self.pods(prefix) if is_ready(pod)]

    def processes(self) -> list[int]:
        """All that carry the sandbox's mark, the daemon not among them."""
        return list(processes.marked(b"DRILLBOOK_RUN=" + os.fsencode(self.state)))

    def footprint(self) -> Footprint:
        """As it is while our own connection, and none besides, is open."""
        self.api.raw("GET", "/version")
        network = int(self.record["network"].split(".")[1])
        deep = [*self.home.iterdir(), *(self.home / "pods").iterdir(), *(self.home / "volumes").iterdir()]
        return Footprint(
            len(self.processes()),
            len(os.listdir(f"/proc/{self.daemon}/fd")),  # noqa: PTH208 - the names are all that is wanted
            frozenset(listening(network)),
            frozenset(str(place.relative_to(self.home)) for place in deep),
        )

    def memory(self) -> float:
        """The daemon's resident memory in MiB."""
        return processes.use_of([self.daemon]).memory_bytes / 2**20

    def settles_at(self, before: Footprint, seconds: float = 30) -> None:
        """Wait until the footprint is what it was."""
        until(lambda: self.footprint() == before, lambda: differences(before, self.footprint()), seconds)

    def assert_nothing_left(self) -> None:
        until(lambda: not self.processes(), lambda: f"processes {self.processes()} to end", 10)
        assert list(self.state.iterdir()) == []

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def until[Answer](look: Callable[[], Answer], what: str | Callable[[], str], seconds: float = 60) -> Answer:
    """Look until the answer is true; fails with what was awaited."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        late = time.monotonic() >= deadline
        assert not late, f"waited {seconds:g} s for {what if isinstance(what, str) else what()}"
        time.sleep(0.1)
    return answer


def listening(network: int) -> set[str]:
    """The TCP sockets that listen on addresses 127.<network>.x.x."""
    found = set()
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        address = bytes.fromhex(fields[1].partition(":")[0])[::-1]
        if fields[3] == "0A" and (address[0], address[1]) == (127, network):
            found.add(fields[1])
    return found


def differences(before: Footprint, after: Footprint) -> str:
    """Where two footprints differ, for the sentence of a failed test."""
    return (
        f"processes {after.processes} to be {before.processes}, open files {after.open_files} to be "
        f"{before.open_files}, listening {sorted(after.listening ^ before.listening)} and folders "
        f"{sorted(after.folders ^ before.folders)} to be as before"
    )


def deployment(name: str, replicas: int, **container: Any) -> dict[str, Any]:
    """A Deployment of a container that sleeps, unless ``container`` says otherwise."""
    main = {"name": "main", "image": "busybox", "command": ["sleep", "3600"]} | container
    pod = {"terminationGracePeriodSeconds": 1, "containers": [main]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": HOME},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": HOME}, "data": data}
