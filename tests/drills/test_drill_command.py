"""``drillbook drill``: its refusals, its rehearsal, and Ctrl-C at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from drillbook import places
from drillbook.drills.lock import Lock
from drillbook.errors import ExitCode
from drillbook.policy import load_policy
from tests.conftest import SandboxHandle
from tests.drills.conftest import NAMESPACE, Solar


def started(folder: Path, *words: str, command: str = "drill", **variables: str) -> subprocess.Popen[str]:
    environment = os.environ | {"DRILLBOOK_REPORTS": str(folder / "reports")} | variables
    line = [sys.executable, "-c", "from drillbook.cli import main; main()", command, *words]
    return subprocess.Popen(
        line, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def waited_for(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    """Return as soon as the moment has come in the life of a drill that runs."""
    deadline = time.monotonic() + 60
    while not moment():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ended(folder: Path, *words: str, command: str = "drill", **variables: str) -> tuple[int, str, str]:
    with started(folder, *words, command=command, **variables) as process:
        said, problems = process.communicate(timeout=100)
    assert "Traceback" not in problems
    return process.returncode, said, problems


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("solar",), ExitCode.USAGE, "expected one DRILL or --all; the drills of solar are pod-kill, database-kill"),
        (("solar", "pod-kill", "--all"), ExitCode.USAGE, "expected one DRILL or --all"),
        (("solar", "pod-kil"), ExitCode.USAGE, "no drill 'pod-kil'; the drills of solar are pod-kill, database-kill"),
        (("nowhere", "pod-kill"), ExitCode.USAGE, "no system named 'nowhere'"),
        (("solar", "pod-kill", "--environment", "moon"), ExitCode.USAGE, "no environment 'moon'"),
        (("solar", "pod-kill", "--sandbox", "none-such"), ExitCode.INCONCLUSIVE, "no sandbox 'none-such' is running"),
        (("solar", "pod-kill", "--timeout", "0"), ExitCode.USAGE, "0.0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_and_a_documented_exit_code(
    tmp_path: Path, words: tuple[str, ...], code: ExitCode, sentence: str
) -> None:
    found, _, problems = ended(tmp_path, *words)
    assert (found, sentence in problems) == (code, True), problems


def test_a_refusal_exits_with_4_and_says_so_in_the_report(system: Solar, quick: Path) -> None:
    other = Lock(NAMESPACE, "another/drill")
    system.on_kube(other.take)
    try:
        code, _, problems = ended(quick, "solar", "pod-kill")
    finally:
        system.on_kube(other.release)
    assert code == ExitCode.DRILL_ABORTED
    assert "drillbook: not injecting: another drill holds the lock" in problems
    run = report(quick)
    assert (run["run"]["exit_code"], run["drills"]) == (4, [])
    assert run["run"]["problems"][0].startswith("not injecting:")


def test_a_rehearsal_prints_the_exact_objects_and_exits_with_0(
    solar: SandboxHandle, system: Solar, tmp_path: Path
) -> None:
    drills = load_policy(places.system_dir("solar") / "policy.yaml").drills
    code, said, _ = ended(tmp_path, "solar", "--all", "--dry-run")
    assert code == 0
    assert said.count("nothing is touched; a drill would touch") == len(drills)
    assert f"Pod {NAMESPACE}/backend-" in said
    assert f"Pod {NAMESPACE}/postgres-" in said
    assert "candidates, 3 eligible" in said
    assert not (tmp_path / "reports").exists()
    assert system.left_behind() == []


def at_once(folder: Path) -> bool:
    return (folder / "reports").exists()


def journaled(folder: Path) -> bool:
    return bool(list((folder / "reports").glob("*/undo-*.jsonl")))


def injected(folder: Path) -> bool:
    return any("injected" in path.read_text() for path in (folder / "reports").glob("*/engine-*/engine.jsonl"))


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param(at_once, signal.SIGTERM, id="at once, SIGTERM"),
        pytest.param(journaled, signal.SIGINT, id="before the fault, Ctrl-C", marks=pytest.mark.slow),
        pytest.param(injected, signal.SIGTERM, id="after the fault, SIGTERM"),
    ],
)
def test_a_drill_that_is_stopped_leaves_nothing_behind(
    system: Solar, quick: Path, moment: Callable[[Path], bool], number: signal.Signals
) -> None:
    with started(quick, "solar", "pod-kill") as process:
        waited_for(process, lambda: moment(quick))
        process.send_signal(number)
        _, problems = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED, problems
    assert "Traceback" not in problems
    run = report(quick)
    assert run["run"]["status"] == "interrupted"
    assert [d["undone"] for d in run["drills"]] == ([True] if moment is not at_once else [])
    assert system.left_behind() == []
    assert engines(quick) == []


def engines(folder: Path) -> list[int]:
    everybody = psutil.process_iter(["cmdline"])
    return [p.pid for p in everybody if any(str(folder) in word for word in p.info["cmdline"] or ())]


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reports" / "latest" / "run.json").read_text())
    return found
