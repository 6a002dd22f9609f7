"""One API server for all tests here; each test works in a namespace of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.api.server import ApiServer, official

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A running server."""
    server = ApiServer(tmp_path_factory.mktemp("api"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def space(api: ApiServer) -> str:
    """A namespace for one test."""
    name = f"test-{next(_NUMBERS)}"
    api.make_namespace(name)
    return name


@pytest.fixture(scope="session")
def client(api: ApiServer) -> Any:
    """The official client, configured for the server."""
    return official("config").new_client_from_config(str(api.kubeconfig))


@pytest.fixture
def core(client: Any) -> Any:
    """The core group of the official client."""
    return official("client").CoreV1Api(client)


@pytest.fixture
def apps(client: Any) -> Any:
    """The apps group of the official client."""
    return official("client").AppsV1Api(client)
