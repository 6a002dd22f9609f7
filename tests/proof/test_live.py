"""Real proofs of a real system: everything that its violations break is as it was afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clients.kube_objects import snapshot
from drillbook.errors import ExitCode
from tests.conftest import SandboxHandle

pytestmark = pytest.mark.slow

_KEPT = ("spec", "data", "stringData", "subsets")
_OWN = frozenset(
    {"Pod", "EndpointSlice", "Lease", "ControllerRevision", "PodMetrics", "Endpoints", "CertificateRequest"}
)
"""What comes and goes by itself."""


def drillbook(*arguments: str, reports: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from drillbook.cli import main; main()", *arguments, "--reports", str(reports)]
    environment = {name: value for name, value in os.environ.items() if name != "DRILLBOOK_SANDBOX"}
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment, check=False)


def proofs(reports: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((reports / "latest" / "run.json").read_text(encoding="utf-8"))
    return {proof["id"].partition("/")[2]: proof for proof in document["proofs"]}


def objects(kubeconfig: Path) -> dict[tuple[str, str, str], Any]:
    """What there is in the cluster and was asked for, without what came of it."""

    async def look() -> dict[tuple[str, str, str], Any]:
        async with Kube.connect(kubeconfig, None) as kube:
            found = [one for one in await snapshot(kube) if one["kind"] not in _OWN]
        return {
            (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): {
                key: one[key] for key in _KEPT if key in one
            }
            for one in found
        }

    return asyncio.run(look())


def wait_until_broken(kubeconfig: Path) -> None:
    """Return once the nodes take no new pods, which is how replicas are made to be missing."""

    async def look() -> None:
        async with Kube.connect(kubeconfig, None) as kube:
            # A cluster sets no event.
            while not all(node["spec"].get("taints") for node in await kube.list(path_of("nodes"))):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    asyncio.run(asyncio.wait_for(look(), 120))


@pytest.mark.timeout(400)
def test_violations_are_detected_and_leave_nothing_behind(solar: SandboxHandle, tmp_path: Path) -> None:
    chosen = ("nodes-ready", "res-redis-memory-limit", "replicas-worker", "hpa-present", "pod-memory-redis", "ingress")
    before = objects(solar.kubeconfig)
    only = [word for name in chosen for word in ("--only", name)]
    run = drillbook("prove", "solar", "--sandbox", solar.name, *only, reports=tmp_path, seconds=390)
    found = proofs(tmp_path)
    assert {name: proof["status"] for name, proof in found.items()} == dict.fromkeys(found, "proven"), run.stdout
    assert set(found) == set(chosen)
    assert run.returncode == 0, run.stdout + run.stderr
    assert objects(solar.kubeconfig) == before
    assert found["nodes-ready"]["detected"]["value"] == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_proof_puts_back_what_it_broke(solar: SandboxHandle, tmp_path: Path, number: int) -> None:
    before = objects(solar.kubeconfig)
    command = [sys.executable, "-c", "from drillbook.cli import main; main()", "prove", "solar"]
    command += ["--sandbox", solar.name, "--only", "replicas-worker", "--reports", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        wait_until_broken(solar.kubeconfig)
        running.send_signal(number)
        said, _ = running.communicate(timeout=120)
    assert running.returncode == ExitCode.INTERRUPTED, said
    assert objects(solar.kubeconfig) == before
    document = json.loads((tmp_path / "latest" / "run.json").read_text(encoding="utf-8"))
    assert (document["run"]["status"], document["proofs"]) == ("interrupted", [])


@pytest.mark.timeout(2400)
def test_every_check_of_solar_is_proven_able_to_fail(tmp_path: Path) -> None:
    run = drillbook("prove", "solar", reports=tmp_path, seconds=2300)
    wrong = {name: proof["reason"] for name, proof in proofs(tmp_path).items() if proof["status"] != "proven"}
    assert (run.returncode, wrong) == (0, {}), run.stdout + run.stderr
