"""One API beside a database and a cache, for tests that harm none of them."""

from __future__ import annotations

import pytest

from tests.sandbox.containers import Container, Containers, until
from tests.sandbox.refapp import services
from tests.sandbox.refapp.services import Service


@pytest.fixture(scope="session")
def backend(lasting: Containers, database: Container, cache: Container) -> Service:
    """A healthy API."""
    service = services.start(lasting, "backend", database, cache)
    until(lambda: service.get("/health").status == 200, "the backend to be healthy")
    return service
