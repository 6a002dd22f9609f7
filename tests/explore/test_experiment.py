"""What the explorer found is an experiment that Chaos Toolkit takes, one activity for each move."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaoslib.exceptions import InterruptExecution

from drillbook.explore import activities
from drillbook.explore.experiment import experiment, write
from drillbook.explore.moves import Break, Follow, Press

SEQUENCE = (Break("pod-kill", "api", 0), Press(50, 2), Follow("restart"))


def test_plain_chaos_validate_takes_it(tmp_path: Path) -> None:
    found = tmp_path / "found.yaml"
    write(found, "solar", SEQUENCE, ("3 of 10 acknowledged writes are lost",), 60.0)
    command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "validate", str(found)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "3 of 10 acknowledged writes are lost" in yaml.safe_load(found.read_text())["description"]


def test_every_move_is_an_activity_that_takes_its_arguments() -> None:
    method = experiment("solar", SEQUENCE, (), 60.0)["method"]
    assert [one["provider"]["func"] for one in method] == ["break_it", "press", "follow"]
    for one in method:
        function = getattr(activities, one["provider"]["func"])
        inspect.signature(function).bind(**one["provider"]["arguments"])


def test_it_looks_at_the_promises_and_puts_everything_back_at_the_end() -> None:
    found = experiment("solar", SEQUENCE, (), 60.0)
    (probe,) = found["steady-state-hypothesis"]["probes"]
    assert probe["tolerance"] is True
    assert probe["provider"]["func"] in activities.__all__
    assert found["rollbacks"][0]["provider"]["func"] == "put_back"


@pytest.mark.parametrize("given", [{}, {"patience_seconds": "soon"}, {"patience_seconds": 0}, None])
def test_an_experiment_that_does_not_say_how_long_it_waits_is_a_sentence(given: dict[str, Any] | None) -> None:
    with pytest.raises(InterruptExecution, match="must say patience_seconds"):
        activities.press(1, 1, given)


def test_a_found_experiment_waits_as_long_as_the_search_did() -> None:
    assert experiment("solar", SEQUENCE, (), 90.0)["configuration"]["patience_seconds"] == 90.0
