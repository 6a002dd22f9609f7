"""The same thousand observations, by ``drillbook check`` and by pytest-testinfra, as their users run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.fleet import system
from bench.fleet.endpoints import addresses
from bench.processes import Finished, finished, warm

OBJECTIVES = 1_000
ENDPOINTS = 100
RUNS = 5
PATIENCE = 600
_TESTS = """\
import json

import pytest

URLS = {urls!r}


@pytest.mark.parametrize("url", URLS)
def test_answers(host, url):
    assert json.loads(host.check_output("curl --silent --max-time 5 %s", url))["status"] == "ok"
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One run of ``drillbook check``."""

    seconds: float
    memory: float
    """The most that its process held, in MB."""
    slowest: float
    """The longest of its observations, in seconds, as ``run.json`` has it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of one comparison."""

    all: tuple[Check, ...]
    """Runs of all objectives."""
    one: tuple[Check, ...]
    """Runs of a single one: what starting and reporting take."""
    testinfra: float
    """Seconds of pytest-testinfra's run of all."""

    @property
    def start(self) -> float:
        """Seconds that a check takes without what it looks at: interpreter, imports, policy, report."""
        return median(check.seconds - check.slowest for check in self.one)


def compare() -> Comparison:
    """Run both. RuntimeError where one of them doesn't see what it should."""
    with tempfile.TemporaryDirectory(prefix="drillbook-fleet-") as name, serving() as port:
        folder = Path(name)
        for count in (1, OBJECTIVES):
            system.write(folder / str(count), count, ENDPOINTS, port)
        check(folder / "1", 1)
        before = [_pair(folder) for _ in range(RUNS // 2)]
        theirs = testinfra(folder, port)
        # Half of ours before and half after: a machine that gets busier on the way is busy for both.
        pairs = [*before, *(_pair(folder) for _ in range(RUNS - len(before)))]
    ones, alls = zip(*pairs, strict=True)
    found = Comparison(alls, ones, theirs.seconds)
    ours, alone = (median(one.seconds for one in runs) for runs in (alls, ones))
    told = f"drillbook {ours:.2f} s (one objective {alone:.2f} s), pytest-testinfra {theirs.seconds:.1f} s"
    print(f"    {told}", file=sys.stderr, flush=True)
    return found


def _pair(folder: Path) -> tuple[Check, Check]:
    return check(folder / "1", 1), check(folder / str(OBJECTIVES), OBJECTIVES)


def check(folder: Path, count: int) -> Check:
    """``drillbook check`` of the system in ``folder``."""
    drillbook = str(Path(sys.executable).with_name("drillbook"))
    done = finished([drillbook, "check", "fleet", "--environment", "local"], PATIENCE, env=warm(), cwd=folder)
    document = _report(folder, done)
    verdicts = document["verdicts"]
    if done.code or len(verdicts) != count:
        raise RuntimeError(f"expected {count} objectives that pass, found: {done.output[-500:]}{done.errors[-500:]}")
    return Check(done.seconds, done.memory, max(verdict["took_seconds"] for verdict in verdicts))


def _report(folder: Path, done: Finished) -> dict[str, Any]:
    path = folder / "reports" / "latest" / "run.json"
    if not path.exists():
        raise RuntimeError(f"drillbook check wrote no report: {done.errors[-500:]}")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def testinfra(folder: Path, port: int) -> Finished:
    """pytest-testinfra, one test for each observation, on this machine's own backend."""
    hosts = addresses(ENDPOINTS)
    urls = [f"http://{hosts[number % ENDPOINTS]}:{port}/{number}" for number in range(OBJECTIVES)]
    tests = folder / "testinfra" / "test_fleet.py"
    tests.parent.mkdir()
    tests.write_text(_TESTS.format(urls=urls))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tests.parent),
        str(tests),
    ]
    done = finished(command, PATIENCE, env=warm() | {"PYTEST_ADDOPTS": ""}, cwd=tests.parent)
    if done.code or f"{OBJECTIVES} passed" not in done.output:
        raise RuntimeError(f"expected {OBJECTIVES} tests of pytest-testinfra to pass, found: {done.output[-1000:]}")
    return done


@contextmanager
def serving() -> Iterator[int]:
    """The endpoints, in a process of their own; yields their port."""
    port = 20_000 + os.getpid() % 10_000
    command = [sys.executable, "-m", "bench.fleet.endpoints", str(ENDPOINTS), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError(f"the endpoints could not listen on port {port}")
            yield port
        finally:
            process.kill()
