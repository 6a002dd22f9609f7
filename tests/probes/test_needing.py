"""SDKs are imported before the looks begin: an import inside the event loop stands still for all of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.clients.preloading import Sdk, preload
from drillbook.model.environment import Reach
from drillbook.probes.needing import needed_by
from tests.probes.scenes import environment, objective

_CLUSTER = {Sdk.KUBERNETES, Sdk.HTTP}


@pytest.mark.parametrize(
    ("indicator", "address", "needed"),
    [
        ("http.latency", "http://127.0.0.1", {Sdk.HTTP}),
        ("http.latency", None, _CLUSTER),
        ("database.connections", "127.0.0.1:5432", {Sdk.POSTGRES}),
        ("database.connections", None, {Sdk.POSTGRES, *_CLUSTER}),
        ("cache.ping", "127.0.0.1:6379", {Sdk.REDIS}),
        ("certificate.time_left", "https://127.0.0.1", {Sdk.TLS}),
        ("pod.cpu", "127.0.0.1:80", _CLUSTER),
        ("attested.age", None, set()),
    ],
)
def test_a_look_needs_its_own_sdk_and_a_cluster_where_nobody_gives_an_address(
    indicator: str, address: str | None, needed: set[Sdk]
) -> None:
    where = replace(environment(), components={"api": Reach(address=address)})
    assert needed_by([objective(indicator)], where) == needed


def test_another_source_needs_the_cluster() -> None:
    inside = replace(objective("database.connections"), via="exec")
    assert Sdk.KUBERNETES in needed_by([inside], replace(environment(), components={"api": Reach("127.0.0.1:5432")}))


def test_everything_that_can_be_needed_can_be_imported() -> None:
    preload(Sdk)


_LISTED = """
import asyncio, sys
from drillbook.checking import Selection, check_objectives, load_system
policy, where, waivers = load_system("shop", "test")
begun = []
run = asyncio.run
def at_the_start(coroutine):
    begun.append(set(sys.modules))
    return run(coroutine)
asyncio.run = at_the_start
check_objectives(policy, where, waivers, Selection().choose(policy, where).objectives)
large = ("aiohttp", "kubernetes", "psycopg", "redis", "cryptography")
print([name for name in sorted(set(sys.modules) - begun[0]) if name in large])
"""


def test_no_sdk_is_imported_while_the_loop_runs(tmp_path: Path) -> None:
    from tests.checks.systems import write_system
    from tests.clients.servers import closed_port

    write_system(tmp_path, closed_port())
    done = subprocess.run(
        [sys.executable, "-c", _LISTED], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
