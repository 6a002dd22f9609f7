"""What all tests share: a real Solar system in a sandbox of its own."""

from __future__ import annotations

import os
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


@pytest.fixture(scope="session")
def solar() -> Iterator[SandboxHandle]:
    """Solar, up for the whole session; ``$DRILLBOOK_SANDBOX`` names it. It ends with this process, whatever happens."""
    from drillbook.sandbox import lifecycle

    name = f"test-{os.getpid()}"
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
