"""The experiments under plain Chaos Toolkit, without a drill around them: guarded all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest
import yaml

from drillbook import places
from drillbook.clients.kube import Kube, path_of
from drillbook.drills.lock import Lock
from drillbook.drills.unfinished import PLAIN
from tests.drills.conftest import NAMESPACE, Solar, quick, system
from tests.drills.test_drill_command import ended

__all__ = ["quick", "system"]

SHIPPED = sorted(places.bundled("experiments").glob("*.yaml"))


def chaos(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", *words]
    environment = {k: v for k, v in os.environ.items() if k != "DRILLBOOK_DESK"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_is_valid_for_chaos_toolkit(path: Path) -> None:
    """What `chaos validate` does, without a process for each."""
    from chaoslib.experiment import ensure_experiment_is_valid
    from chaoslib.loader import load_experiment

    ensure_experiment_is_valid(load_experiment(str(path)))


def test_chaos_validate_itself_says_the_same(tmp_path: Path) -> None:
    assert chaos(tmp_path, "validate", str(SHIPPED[0])).returncode == 0


def test_a_pod_kill_recovers_and_is_undone(system: Solar, quick: Path) -> None:
    journal_path = quick / "journal.json"
    found = chaos(quick, "run", "--journal-path", str(journal_path), str(places.experiment_file("pod-kill")))
    assert found.returncode == 0, found.stderr
    journal = json.loads(journal_path.read_text())
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    injected, recovered = journal["run"]
    assert injected["output"]["targets"][0]["name"].startswith("backend-")
    assert recovered["output"] is True
    assert journal["rollbacks"][0]["output"] == {"undone": ["deployment/backend has its 3 ready replicas"]}
    assert system.left_behind() == []


def test_what_the_guard_does_not_allow_interrupts_the_run_and_breaks_nothing(system: Solar, quick: Path) -> None:
    async def pods(kube: Kube) -> set[str]:
        return {p["metadata"]["uid"] for p in await kube.list(path_of("pods", NAMESPACE))}

    other = Lock(NAMESPACE, "another/drill")
    system.on_kube(other.take)
    before = system.on_kube(pods)
    try:
        found = chaos(quick, "run", str(places.experiment_file("pod-kill")))
    finally:
        system.on_kube(other.release)
    assert found.returncode == 1
    assert "not injecting: another drill holds the lock" in found.stdout + found.stderr
    assert system.on_kube(pods) == before
    assert system.left_behind() == []


@pytest.mark.slow
def test_what_is_broken_is_undone_even_where_chaos_toolkit_plays_no_rollback(system: Solar, quick: Path) -> None:
    """Its default strategy plays none after an interruption; the control does what they would have done."""
    document = yaml.safe_load(places.experiment_file("pod-kill").read_text())
    document["method"][1]["provider"]["arguments"] = {"within": 0.001}
    path = quick / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))
    found = chaos(quick, "run", str(path))
    assert found.returncode == 1
    assert "deployment/backend has its 3 ready replicas" in found.stdout + found.stderr
    assert system.left_behind() == []


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1], ids=lambda one: one.name
)
def test_what_a_run_broke_that_was_ended_is_put_back(system: Solar, quick: Path, ending: signal.Signals) -> None:
    """Killed, it leaves its journal and a lock that soon expires; terminated, it puts everything back by itself.

    However it ends: what it didn't put back, ``recover`` does.
    """
    document = yaml.safe_load(places.experiment_file("scale-to-zero").read_text())
    document["method"][1:] = [{"type": "action", "name": "wait", "provider": WAITS}]
    path = quick / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "run", str(path)]
    environment = os.environ | {"DRILLBOOK_COMPONENT": "flower"}
    environment.pop("DRILLBOOK_DESK", None)
    with subprocess.Popen(command, cwd=quick, env=environment, stdout=PIPE, stderr=STDOUT, text=True) as process:
        deadline = time.monotonic() + 60
        while flower(system) != 0:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(ending)
        said, _ = process.communicate()
    code, found, problems = ended(quick, "--system", "solar", command="recover")
    assert code == 0, found + problems
    if ending is signal.SIGKILL:
        assert "waiting at most 30 s until it expires" in problems
        assert "deployment/flower has its 1 ready replicas, put back" in found
        assert not (places.state_root() / PLAIN / f"{found.partition(':')[0]}.jsonl").exists()
    elif ending is signal.SIGTERM:
        assert "nothing is left to undo" in found, said
    assert flower(system) == 1
    assert system.left_behind() == []


WAITS = {"type": "process", "path": "sleep", "arguments": "45", "timeout": 60}


def flower(system: Solar) -> int:
    """How many pods flower is to have."""
    return int(system.on_kube(lambda kube: kube.get(path_of("deployments", NAMESPACE, "flower")))["spec"]["replicas"])
