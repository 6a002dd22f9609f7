"""The fleet of endpoints: what it measures is what it says, on a small scale."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.fleet import comparing, system
from bench.fleet.endpoints import DELAY, addresses
from bench.measurement import Measurement, Result
from bench.processes import finished
from drillbook.policy import load_environment, load_policy


def test_endpoints_have_addresses_of_their_own_on_loopback() -> None:
    found = addresses(600)
    assert len(set(found)) == 600
    assert all(address.startswith("127.77.") for address in found)


def test_the_systems_files_are_a_policy_and_an_environment(tmp_path: Path) -> None:
    system.write(tmp_path, 25, 10, 8123)
    policy = load_policy(tmp_path / "systems" / "fleet" / "policy.yaml")
    where = load_environment(tmp_path / "systems" / "fleet", "local", policy)
    assert len(policy.objectives) == 25
    assert len({(o.component, o.parameters["path"]) for o in policy.objectives}) == 25
    assert len(where.components) == 10


def test_a_check_of_the_fleet_sees_every_endpoint_answer(tmp_path: Path) -> None:
    with comparing.serving() as port:
        system.write(tmp_path, 20, 10, port)
        found = comparing.check(tmp_path, 20)
    assert found.slowest >= DELAY
    assert found.seconds > found.slowest
    document = json.loads((tmp_path / "reports" / "latest" / "run.json").read_text())
    assert all(verdict["text"] == "ok" for verdict in document["verdicts"])


def test_an_endpoint_that_does_not_answer_is_no_measurement(tmp_path: Path) -> None:
    system.write(tmp_path, 2, 2, 1)
    with pytest.raises(RuntimeError, match="expected 2 objectives that pass"):
        comparing.check(tmp_path, 2)


@pytest.mark.parametrize(("value", "kept"), [(29.9, False), (30.0, True), (45.0, True)])
def test_where_more_is_better_the_median_must_reach_the_target(value: float, kept: bool) -> None:
    found = Result(Measurement("faster", "x", "x", 30.0, lambda _: (value,), at_least=True), (value,))
    assert found.kept is kept
    assert (found.ratio <= 1) is kept


def test_a_process_is_measured_by_itself_and_ended_at_its_time() -> None:
    # Started by a small process, as the bench is one: Linux counts a child's memory from before its exec.
    script = """
import sys
from bench.processes import finished
done = finished([sys.executable, "-c", "import sys; x = bytearray(60_000_000); print('said'); sys.exit(3)"], 30)
print(done.code, done.output.strip(), done.memory)
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    code, said, memory = answer.stdout.split()
    assert (code, said) == ("3", "said")
    assert 60 < float(memory) < 200
    assert finished(["sleep", "60"], 0.2).code == -9
