"""Sandboxes for tests that are rough with them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robustness.ground import Ground

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these take long."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A place for one sandbox; its path is short, because sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="rb-"))
    (folder / "state").mkdir(mode=0o700)
    made = Ground(folder)
    made.manifests()
    yield made
    made.down()
    shutil.rmtree(folder)


@pytest.fixture
def bare(ground: Ground) -> Ground:
    """A sandbox that runs nothing but what every sandbox has."""
    ground.up()
    return ground
