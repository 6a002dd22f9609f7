"""``drillbook demo``: the whole arrow, once to its end, and cut short at its moments. Nothing is ever left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from drillbook.policy import load_policy

ROOT = Path(__file__).parents[2]
PATIENCE = 150.0


@dataclass
class Demo:
    """A demo in a process of its own, with its reports and the state of its sandbox in folders of its own."""

    folder: Path
    process: subprocess.Popen[str]
    told: list[str] = field(default_factory=list)
    said: str = ""
    listener: threading.Thread | None = None

    def until(self, words: str) -> None:
        """Wait until the demo has told those words."""
        deadline = time.monotonic() + PATIENCE
        while not any(words in line for line in self.told):
            assert time.monotonic() < deadline, self.told
            assert self.process.poll() is None, self.told
            time.sleep(0.01)

    def end(self) -> int:
        """Wait for its end; its exit code."""
        if self.process.stdout:
            self.said = self.process.stdout.read()
        code = self.process.wait(PATIENCE)
        if self.listener:
            self.listener.join(10)
        return code

    @property
    def document(self) -> dict[str, Any]:
        """Its run.json."""
        (folder,) = (p for p in (self.folder / "reports").iterdir() if not p.is_symlink())
        found: dict[str, Any] = json.loads((folder / "run.json").read_text())
        return found

    @property
    def left(self) -> list[str]:
        """Every process that belongs to it, by the state folder in its environment."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            try:
                if process.environ().get("DRILLBOOK_STATE") == str(self.folder / "s"):
                    found.append(" ".join(process.info["cmdline"] or [str(process.pid)]))
            except psutil.Error:
                continue
        return found

    def leaves_nothing(self, seconds: float = 10.0) -> bool:
        """Whether no process and no state of it is left, within some seconds."""
        deadline = time.monotonic() + seconds
        while self.left and time.monotonic() < deadline:
            time.sleep(0.05)
        states = list((self.folder / "s").glob("*")) if (self.folder / "s").exists() else []
        return not self.left and not states


def start(folder: Path, *options: str) -> Demo:
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "drillbook"), "demo", "--reports", str(folder / "reports"), *options],
        cwd=ROOT,
        env=os.environ | {"DRILLBOOK_STATE": str(folder / "s")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    found = Demo(folder, process)

    def listen() -> None:
        for line in process.stderr or ():
            found.told.append(line.rstrip())

    found.listener = threading.Thread(target=listen, daemon=True)
    found.listener.start()
    return found


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Short, because the path of a database's socket must fit into 107 bytes."""
    import shutil
    import tempfile

    found = Path(tempfile.mkdtemp(prefix="dbd-", dir="/tmp"))
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.mark.timeout(200)
def test_the_demo_holds_every_limit_drills_twice_and_leaves_only_its_report(folder: Path) -> None:
    demo = start(folder)
    assert demo.end() == 0, demo.said + "\n".join(demo.told)
    found = demo.document
    promised = load_policy(ROOT / "systems" / "solar" / "policy.yaml").objectives
    # A sandbox has no people to ask.
    objectives = [o for o in promised if not o.indicator.startswith("attested.")]
    assert {v["id"] for v in found["verdicts"]} == {f"solar/{o.id}" for o in objectives}
    assert {v["status"] for v in found["verdicts"]} == {"pass"}
    assert all(v["samples"] > 0 and (v["value"] is not None or v["unit"] == "text") for v in found["verdicts"])

    pod, database = found["drills"]
    assert (pod["id"], database["id"]) == ("solar/pod-kill", "solar/database-kill")
    for drill in (pod, database):
        assert drill["status"] == "pass", drill["reason"]
        assert drill["fault"]["landed"]
        assert 0 <= drill["recovery_seconds"]["lower"] <= drill["recovery_seconds"]["upper"] < drill["limit_seconds"]
        assert drill["writes"]["acknowledged"] > 40
        assert (drill["writes"]["lost"], drill["writes"]["duplicated"], drill["writes"]["altered"]) == (0, 0, 0)
        assert len(drill["objectives_after"]) == len(objectives)
    # Without its database the system can't write: the drill must have seen that.
    assert database["outage_seconds"] > 0
    timeline = json.loads((folder / "reports" / "latest" / database["timeline"]).read_text())
    assert any(not s["good"] for s in timeline["samples"] if s["signal"] == "write")

    assert found["load"]["requests"] > 50
    assert demo.said.rstrip().endswith("/report.html")
    assert '<svg class="timeline"' in (folder / "reports" / "latest" / "report.html").read_text()
    assert demo.leaves_nothing()


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("starting the sandbox", signal.SIGINT),
        (" pods Ready", signal.SIGTERM),
        pytest.param("drill pod-kill, about", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(200)
def test_a_signal_at_any_moment_takes_everything_down(folder: Path, moment: str, number: signal.Signals) -> None:
    demo = start(folder)
    demo.until(moment)
    demo.process.send_signal(number)
    assert demo.end() == 130, "\n".join(demo.told)
    assert_interrupted(demo)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_an_interrupted_drill_has_put_back_what_it_broke(folder: Path) -> None:
    demo = start(folder)
    demo.until("pod-kill: the fault landed")
    demo.process.send_signal(signal.SIGINT)
    assert demo.end() == 130, "\n".join(demo.told)
    assert_interrupted(demo)
    (drill,) = demo.document["drills"]
    assert drill["undone"]
    assert drill["status"] != "pass"


def assert_interrupted(demo: Demo) -> None:
    found = demo.document["run"]
    assert (found["status"], found["exit_code"]) == ("interrupted", 130)
    assert " INTERRUPTED " in demo.said
    assert not any("Traceback" in line for line in demo.told)
    assert demo.leaves_nothing(), demo.left


@pytest.mark.parametrize(
    ("moment", "verdicts"),
    [(" pods Ready", 0), pytest.param("drill pod-kill, about", 30, marks=pytest.mark.slow)],
)
@pytest.mark.timeout(200)
def test_a_killed_demo_leaves_no_process_and_a_file_that_says_interrupted(
    folder: Path, moment: str, verdicts: int
) -> None:
    demo = start(folder)
    demo.until(moment)
    demo.process.kill()
    demo.end()
    deadline = time.monotonic() + 10
    while demo.left and time.monotonic() < deadline:
        time.sleep(0.05)
    assert demo.left == []
    assert demo.document["run"]["status"] == "interrupted"
    assert len(demo.document["verdicts"]) >= verdicts


@pytest.mark.timeout(200)
@pytest.mark.slow
def test_a_demo_beside_one_that_runs_refuses_and_the_first_goes_on_until_it_is_interrupted(folder: Path) -> None:
    first = start(folder)
    first.until("checking 5")
    second = start(folder, "--reports", str(folder / "others"))
    assert second.end() == 2
    assert any("a sandbox called solar-demo runs already" in line for line in second.told)
    assert first.process.poll() is None, first.told
    first.process.send_signal(signal.SIGINT)
    assert first.end() == 130
    assert_interrupted(first)


def test_a_report_that_cannot_be_written_is_said_before_anything_is_started(folder: Path) -> None:
    (folder / "reports").write_text("a file, where a folder is expected")
    demo = start(folder, "--reports", str(folder / "reports" / "here"))
    assert demo.end() == 2
    assert any("can't write the report at" in line for line in demo.told)
    assert not any("starting the sandbox" in line for line in demo.told)


def test_a_system_that_is_not_there_is_a_sentence(folder: Path) -> None:
    demo = start(folder, "sular")
    assert demo.end() == 2
    assert any("no system named 'sular'" in line for line in demo.told)
