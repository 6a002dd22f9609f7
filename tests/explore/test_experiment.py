"""What the explorer found is an experiment that Chaos Toolkit takes, one activity for each move."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import yaml

from drillbook.explore import activities
from drillbook.explore.experiment import experiment, write
from drillbook.explore.moves import Break, Follow, Press

SEQUENCE = (Break("pod-kill", "api", 0), Press(50, 2), Follow("restart"))


def test_plain_chaos_validate_takes_it(tmp_path: Path) -> None:
    found = tmp_path / "found.yaml"
    write(found, "solar", SEQUENCE, ("3 of 10 acknowledged writes are lost",))
    command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "validate", str(found)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "3 of 10 acknowledged writes are lost" in yaml.safe_load(found.read_text())["description"]


def test_every_move_is_an_activity_that_takes_its_arguments() -> None:
    method = experiment("solar", SEQUENCE, ())["method"]
    assert [one["provider"]["func"] for one in method] == ["break_it", "press", "follow"]
    for one in method:
        function = getattr(activities, one["provider"]["func"])
        inspect.signature(function).bind(**one["provider"]["arguments"])


def test_it_looks_at_the_promises_and_puts_everything_back_at_the_end() -> None:
    found = experiment("solar", SEQUENCE, ())
    (probe,) = found["steady-state-hypothesis"]["probes"]
    assert probe["tolerance"] is True
    assert probe["provider"]["func"] in activities.__all__
    assert found["rollbacks"][0]["provider"]["func"] == "put_back"
