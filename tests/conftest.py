"""What all tests share: a real Solar system in a sandbox of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.options import pytest_addoption as pytest_addoption


@dataclass(frozen=True, slots=True)
class SandboxHandle:
    """A sandbox in which every pod is Ready."""

    name: str
    kubeconfig: Path
    state: Path
    system: str


START = """
import sys
from drillbook.errors import DrillbookError
from drillbook.sandbox import lifecycle
try:
    lifecycle.up("solar", sys.argv[1], leash=int(sys.argv[2]), timeout=90)
except DrillbookError as error:
    sys.exit(str(error))
"""
STARTING = pytest.StashKey[subprocess.Popen[str]]()
_NAME = f"test-{os.getpid()}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to start Solar where a test wants it, so that it comes up while others run."""
    if session.config.option.collectonly or not any("solar" in getattr(i, "fixturenames", ()) for i in session.items):
        return
    command = [sys.executable, "-c", START, _NAME, str(os.getpid())]
    session.config.stash[STARTING] = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """What no test came to use ends too: with it, its sandbox's leash."""
    starting = config.stash.get(STARTING, None)
    if starting is not None and starting.poll() is None:
        starting.terminate()
        starting.communicate()


@pytest.fixture(scope="session")
def solar(request: pytest.FixtureRequest) -> Iterator[SandboxHandle]:
    """Solar, up for the whole session; ``$DRILLBOOK_SANDBOX`` names it. It ends with this process, whatever happens."""
    from drillbook.sandbox import lifecycle

    name, starting = _NAME, request.config.stash.get(STARTING, None)
    problem = starting.communicate()[1] if starting else ""
    assert not problem, problem
    found = lifecycle.up("solar", name, leash=os.getpid(), timeout=90).record
    before = os.environ.get("DRILLBOOK_SANDBOX")
    os.environ["DRILLBOOK_SANDBOX"] = name
    try:
        yield SandboxHandle(name, Path(found.kubeconfig), found.state, "solar")
    finally:
        if before is None:
            del os.environ["DRILLBOOK_SANDBOX"]
        else:
            os.environ["DRILLBOOK_SANDBOX"] = before
        lifecycle.down(name)
