"""The experiments under plain Chaos Toolkit, without a drill around them: guarded all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from drillbook import places
from drillbook.clients.kube import Kube, path_of
from drillbook.drills.lock import Lock
from tests.drills.conftest import NAMESPACE, Solar, quick, system

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
