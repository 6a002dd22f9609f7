"""Containers without a cluster around them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox import databases
from tests.sandbox.containers import Container, Containers, address


@pytest.fixture
def containers() -> Iterator[Containers]:
    """Containers that end with the test; their folder has a short path, because sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="db-") as folder:
        made = Containers(Path(folder))
        yield made
        made.end()


@pytest.fixture(scope="session")
def lasting() -> Iterator[Containers]:
    """Containers that many tests share, none of which harms them."""
    with tempfile.TemporaryDirectory(prefix="db-") as folder:
        made = Containers(Path(folder))
        yield made
        made.end()


@pytest.fixture(scope="session")
def database(lasting: Containers) -> Container:
    """A PostgreSQL for tests that leave it running."""
    return databases.start(lasting)


@pytest.fixture(scope="session")
def cache(lasting: Containers) -> Container:
    """A Redis for tests that leave it running."""
    return lasting.start("redis:8", {"POD_IP": address()})
