"""``drillbook drill SYSTEM --list``: which drills, experiments and faults there are, without a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook import places
from drillbook.checking import load_system
from drillbook.cli.drill_list import listed
from drillbook.faults import FAULTS


@pytest.fixture(scope="module")
def lines() -> list[str]:
    policy, where, _ = load_system("solar", "sandbox", "nothing-runs-here")
    return list(listed(policy, where))


def test_every_drill_of_the_system_is_listed_with_what_recovers_it(lines: list[str]) -> None:
    policy, _, _ = load_system("solar", "sandbox", "nothing-runs-here")
    assert lines[0] == "drills of solar:"
    told = lines[1 : lines.index("experiments that no drill of it uses:")]
    assert [line.split()[0] for line in told] == [plan.id for plan in policy.drills]
    database = next(line for line in told if line.split()[0] == "database-kill")
    assert "database, P0, recovery procedure" in database
    assert database.endswith(": The database pod is killed")


def test_every_other_experiment_is_listed_too(lines: list[str]) -> None:
    policy, _, _ = load_system("solar", "sandbox", "nothing-runs-here")
    begun, ended = (lines.index(text) for text in lines if text.endswith(("uses:", "may set:")))
    others = {line.split()[0] for line in lines[begun + 1 : ended]}
    assert others == set(places.experiment_names()) - {plan.experiment for plan in policy.drills}
    assert not [line for line in lines if "can't be used" in line]


def test_every_fault_is_listed_with_its_settings_and_their_ranges(lines: list[str]) -> None:
    faults = lines[lines.index("faults, and what an experiment may set:") + 1 :]
    names = [line.strip().partition(":")[0] for line in faults if not line.startswith("    ")]
    assert names == sorted(FAULTS)
    assert "    damage = corrupted: what is done to them; one of corrupted, deleted, doubled" in faults
    assert "    workers = 1: how many loops, each of which can fill one core; a whole number from 1 to 128" in faults
    assert '    table = "": which table; empty means the one with the most rows; a text' in faults


def test_an_experiment_that_cannot_be_used_says_why_and_the_list_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "broken.yaml").write_text("title: [")
    monkeypatch.chdir(tmp_path)
    policy, where, _ = load_system("solar", "sandbox", "nothing-runs-here")
    (line,) = [line for line in listed(policy, where) if line.startswith("  broken ")]
    assert "can't be used: " in line
    assert "expected YAML" in line


def test_the_command_needs_no_drill_and_no_cluster(tmp_path: Path) -> None:
    code = "from drillbook.cli import main; main()"
    environment = os.environ | {"DRILLBOOK_STATE": str(tmp_path)}
    command = [sys.executable, "-c", code, "drill", "solar", "--list"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("drills of solar:\n")
