"""Volumes end at their size, for programs that know nothing of it; and nothing of that is seen on the host."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drillbook.sandbox.kubelet import processes

TOOLS = Path(sys.executable).parent
MIB = 1024**2

SYSTEM = """
apiVersion: v1
kind: Namespace
metadata: {name: sized}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: sized}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 160Mi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: postgres, namespace: sized}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: postgres}}
  template:
    metadata: {labels: {app: postgres}}
    spec:
      containers:
        - name: postgres
          image: postgres:18
          env: [{name: POSTGRES_PASSWORD, value: only-for-tests}, {name: PGDATA, value: /var/lib/postgresql/data/pg}]
          ports: [{containerPort: 5432}]
          readinessProbe: {exec: {command: [pg_isready]}, periodSeconds: 1}
          volumeMounts: [{name: data, mountPath: /var/lib/postgresql/data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""
WRITER = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: small, namespace: sized}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 8Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer, namespace: sized}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: busybox
      command: [sleep, "600"]
      resources: {limits: {memory: 24Mi}}
      volumeMounts:
        - {name: claim, mountPath: /claim}
        - {name: scratch, mountPath: /scratch}
        - {name: memory, mountPath: /memory}
        - {name: open, mountPath: /open}
  volumes:
    - {name: claim, persistentVolumeClaim: {claimName: small}}
    - {name: scratch, emptyDir: {sizeLimit: 4Mi}}
    - {name: memory, emptyDir: {medium: Memory}}
    - {name: open, emptyDir: {}}
"""


@dataclass
class Sandbox:
    """One that runs the system above."""

    folder: Path
    env: dict[str, str]

    @property
    def state(self) -> Path:
        return self.folder / "state/sized"

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "sandbox.json").read_text())
        return found

    def drillbook(self, *arguments: str) -> str:
        return self._run([str(TOOLS / "drillbook"), "sandbox", *arguments]).stdout

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """The real kubectl, in the system's namespace."""
        program = [str(TOOLS / "kubectl"), "--kubeconfig", str(self.state / "kubeconfig"), "-n", "sized"]
        return self._run([*program, *arguments], stdin)

    def inside(self, pod: str, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in a pod."""
        return self.kubectl("exec", pod, "--", "sh", "-c", script)

    def sql(self, statement: str) -> subprocess.CompletedProcess[str]:
        return self.kubectl("exec", "deploy/postgres", "--", "psql", "-U", "postgres", "-Atc", statement)

    def volumes(self, pod: str) -> dict[str, dict[str, Any]]:
        """What the kubelet's summary says of a pod's volumes."""
        found = json.loads(self.kubectl("get", "pod", pod, "-o", "json").stdout)
        path = f"/api/v1/nodes/{found['spec']['nodeName']}/proxy/stats/summary"
        summary = json.loads(self.kubectl("get", "--raw", path).stdout)
        mine = next(p for p in summary["pods"] if p["podRef"]["uid"] == found["metadata"]["uid"])
        return {volume["name"]: volume for volume in mine["volume"]}

    def database_pod(self) -> str:
        return self.kubectl("get", "pods", "-l", "app=postgres", "-o", "jsonpath={.items[0].metadata.name}").stdout

    def start_writer(self) -> None:
        assert self.kubectl("apply", "-f", "-", stdin=WRITER).returncode == 0
        assert self.kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=20s").returncode == 0

    def _run(self, command: list[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=stdin, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )


@contextmanager
def up(**env: str) -> Iterator[Sandbox]:
    folder = Path(tempfile.mkdtemp(prefix="dv-"))
    sandbox = Sandbox(folder, os.environ | {"DRILLBOOK_STATE": str(folder / "state")} | env)
    (folder / "systems/sized/manifests").mkdir(parents=True)
    (folder / "systems/sized/manifests/all.yaml").write_text(SYSTEM)
    try:
        said = sandbox.drillbook("up", "sized", "--leash", str(os.getpid()))
        assert "everything Ready" in said
        yield sandbox
    finally:
        sandbox.drillbook("down", "sized")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with up() as sandbox:
        if "plain folders" in sandbox.record["isolation"]:
            pytest.skip(sandbox.record["isolation"])
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    shared.start_writer()
    yield shared
    shared.kubectl("delete", "pod/writer", "pvc/small", "--now", "--ignore-not-found")


def until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline, f"waited 20 s for {what}"
        time.sleep(0.05)


def mounts() -> str:
    """The mounts that this process, a part of the host, sees."""
    return Path("/proc/self/mountinfo").read_text()


def test_a_claim_can_be_filled_up_to_its_size_and_not_further(sandbox: Sandbox) -> None:
    filled = sandbox.inside("writer", "dd if=/dev/zero of=/claim/ballast bs=64k; stat -c %s /claim/ballast")
    assert "No space left on device" in filled.stderr
    assert int(filled.stdout) == 8 * MIB
    claim = sandbox.volumes("writer")["claim"]
    assert claim["pvcRef"] == {"name": "small", "namespace": "sized"}
    assert (claim["capacityBytes"], claim["availableBytes"], claim["usedBytes"]) == (8 * MIB, 0, 8 * MIB)
    assert sandbox.inside("writer", "rm /claim/ballast && echo x > /claim/f").returncode == 0


def test_df_shows_the_size_that_the_claim_asks_for(sandbox: Sandbox) -> None:
    lines = sandbox.inside("writer", "df -k /claim /scratch /memory | tail -n +2").stdout.splitlines()
    assert [int(line.split()[1]) for line in lines] == [8 * 1024, 4 * 1024, 24 * 1024]


def test_a_disk_has_as_many_inodes_as_its_size_gives(sandbox: Sandbox) -> None:
    made = sandbox.inside("writer", "cd /claim; touch $(seq 2100) 2>&1 | tail -n 1")
    assert "No space left on device" in made.stdout
    claim = sandbox.volumes("writer")["claim"]
    assert (claim["inodes"], claim["inodesFree"]) == (8 * MIB // 4096, 0)
    assert claim["availableBytes"] > 0


def test_an_empty_dir_with_a_limit_ends_there_and_one_without_does_not(sandbox: Sandbox) -> None:
    # Emptied again at once, before the kubelet looks at it and evicts the pod.
    fill = "dd if=/dev/zero of=/$d/f bs=1M count=30 2>/dev/null; stat -c %s /$d/f; rm /$d/f"
    script = f"for d in scratch memory open; do {fill}; done"
    said = sandbox.inside("writer", script).stdout.split()
    assert [int(size) for size in said] == [4 * MIB, 24 * MIB, 30 * MIB]
    assert sandbox.volumes("writer")["scratch"]["capacityBytes"] == 4 * MIB


def test_a_pod_that_fills_an_empty_dir_up_to_its_limit_is_evicted(sandbox: Sandbox) -> None:
    sandbox.inside("writer", "dd if=/dev/zero of=/scratch/f bs=1M count=30")
    assert sandbox.kubectl("wait", "--for=jsonpath={.status.reason}=Evicted", "pod/writer", "--timeout=20s").stdout
    shown = json.loads(sandbox.kubectl("get", "pod", "writer", "-o", "json").stdout)["status"]
    assert shown["phase"] == "Failed"
    assert shown["message"] == 'Usage of EmptyDir volume "scratch" exceeds the limit "4Mi". '
    assert "Evicted" in sandbox.kubectl("describe", "pod", "writer").stdout


def test_an_empty_dir_goes_with_its_pod_also_where_later_pods_saw_it(sandbox: Sandbox) -> None:
    sandbox.inside("writer", "dd if=/dev/zero of=/memory/f bs=1M count=20")
    later = ("run", "later", "--image=busybox", "--restart=Never", "--command", "--", "sleep", "600")
    assert sandbox.kubectl(*later).returncode == 0
    assert sandbox.kubectl("wait", "--for=condition=Ready", "pod/later", "--timeout=20s").returncode == 0
    uid = sandbox.kubectl("get", "pod", "writer", "-o", "jsonpath={.metadata.uid}").stdout
    assert f"pods/{uid}/volumes/memory" in sandbox.inside("later", "cat /proc/self/mountinfo").stdout
    sandbox.kubectl("delete", "pod/writer", "--now")
    until(lambda: not (sandbox.state / "pods" / uid).exists(), "the folder's end")
    assert uid not in sandbox.inside("later", "cat /proc/self/mountinfo").stdout
    sandbox.kubectl("delete", "pod/later", "--now")


def test_a_claim_keeps_its_data_and_its_size_when_its_pod_is_replaced(sandbox: Sandbox) -> None:
    sandbox.inside("writer", "echo kept > /claim/f")
    sandbox.kubectl("delete", "pod/writer", "--now")
    sandbox.start_writer()
    assert sandbox.inside("writer", "cat /claim/f; ls /scratch").stdout == "kept\n"
    assert sandbox.volumes("writer")["claim"]["capacityBytes"] == 8 * MIB


def test_a_claim_can_t_be_made_larger(sandbox: Sandbox) -> None:
    more = '{"spec": {"resources": {"requests": {"storage": "16Mi"}}}}'
    refused = sandbox.kubectl("patch", "pvc/small", "-p", more)
    assert refused.returncode == 1
    assert "the storageclass that provisions the pvc must support resize" in refused.stderr


def test_postgresql_on_a_full_disk_refuses_to_write_and_recovers_when_there_is_room(sandbox: Sandbox) -> None:
    # A segment of the log that has just been begun has room for what follows, so that it is the table that has none.
    sandbox.sql("SELECT pg_switch_wal()")
    assert sandbox.sql("CREATE TABLE rows (content text)").returncode == 0
    sandbox.inside("deploy/postgres", "dd if=/dev/zero of=/var/lib/postgresql/data/ballast bs=1M")
    fill = "INSERT INTO rows SELECT repeat(md5(n::text), 30) FROM generate_series(1, 4000) n"
    refused = sandbox.sql(fill)
    assert "No space left on device" in refused.stderr
    assert sandbox.sql("SELECT count(*) FROM rows").stdout == "0\n"
    assert sandbox.volumes(sandbox.database_pod())["data"]["availableBytes"] < MIB
    sandbox.inside("deploy/postgres", "rm /var/lib/postgresql/data/ballast")
    assert sandbox.sql(fill).returncode == 0
    assert sandbox.sql("SELECT count(*) FROM rows").stdout == "4000\n"


def test_a_killed_postgresql_finds_its_rows_on_the_same_disk(sandbox: Sandbox) -> None:
    sandbox.sql("CREATE TABLE orders (key text); INSERT INTO orders VALUES ('acknowledged')")
    before = sandbox.database_pod()
    sandbox.kubectl("delete", "pod", before, "--grace-period=0", "--force")
    until(lambda: sandbox.sql("SELECT key FROM orders").stdout == "acknowledged\n", "the replacement")
    assert sandbox.database_pod() != before


def test_the_host_sees_no_mount_and_the_state_is_gone_after_kill_9() -> None:
    before = mounts()
    with up() as sandbox:
        sandbox.start_writer()
        sandbox.inside("writer", "dd if=/dev/zero of=/claim/ballast bs=1M")
        assert mounts() == before
        daemon = sandbox.record["pid"]
        uid = sandbox.kubectl("get", "pod", "writer", "-o", "jsonpath={.metadata.uid}").stdout
        assert list((sandbox.state / "pods" / uid / "volumes/claim").glob("*")) == []
        os.kill(daemon, signal.SIGKILL)
        until(lambda: not processes.is_running(daemon), "the daemon's end")
        sandbox.drillbook("down", "sized")
        assert not sandbox.state.exists()
    assert mounts() == before


def test_where_there_is_no_mount_name_space_status_event_and_summary_say_so() -> None:
    with up(DRILLBOOK_ISOLATION="none") as sandbox:
        assert "volumes are plain folders that don't end at their size" in sandbox.drillbook("status", "sized")
        events = sandbox.kubectl("get", "events", "--field-selector", "reason=VolumeSizeNotEnforced").stdout
        assert "the volume data is a plain folder that doesn't end at its size" in events
        told = sandbox.volumes(sandbox.database_pod())["data"]
        assert told["usedBytes"] > MIB
        assert not {"capacityBytes", "availableBytes"} & set(told)
