"""One certificate authority for all tests of controllers: making one takes time, and nothing changes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.sandbox.certificates import Authority
from tests.sandbox.controllers.stage import Stage, staged


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture
def stage(authority: Authority) -> Iterator[Stage]:
    """An empty stage."""
    with staged(authority) as made:
        yield made
