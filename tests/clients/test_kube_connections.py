"""Clusters that can't be spoken to: a sentence each, and never the token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.clients.kube import ApiRefusal, Kube
from drillbook.errors import ConfigError, Unreachable
from tests.clients.kube_calls import ask
from tests.clients.servers import closed_port, silent_server
from tests.conftest import SandboxHandle


@contextmanager
def changed(kubeconfig: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Iterator[Path]:
    """A copy of a kubeconfig with something else in it."""
    config = yaml.safe_load(kubeconfig.read_text())
    change(config)
    copy = folder / "kubeconfig"
    copy.write_text(yaml.safe_dump(config))
    yield copy


def test_a_wrong_token_is_refused_and_not_shown(solar: SandboxHandle, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["users"][0]["user"] = {"token": "hunter2"}

    with (
        changed(solar.kubeconfig, tmp_path, change) as kubeconfig,
        pytest.raises(ApiRefusal, match="401 Unauthorized") as caught,
    ):
        ask(kubeconfig, lambda kube: kube.get("/api/v1/namespaces"))
    assert "hunter2" not in str(caught.value)


def test_a_cluster_that_shows_a_strange_certificate_is_not_spoken_to(solar: SandboxHandle, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        cluster = config["clusters"][0]["cluster"]
        for key in ("certificate-authority", "certificate-authority-data"):
            cluster.pop(key, None)

    with (
        changed(solar.kubeconfig, tmp_path, change) as kubeconfig,
        pytest.raises(Unreachable, match="isn't trusted"),
    ):
        ask(kubeconfig, lambda kube: kube.get("/api/v1/namespaces"))


def test_a_context_that_is_not_there_is_named(solar: SandboxHandle) -> None:
    async def run() -> None:
        async with Kube.connect(solar.kubeconfig, "nowhere"):
            pass

    with pytest.raises(ConfigError, match=r"\(context nowhere\)"):
        asyncio.run(run())


def test_a_cluster_that_never_answers_costs_the_time_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with silent_server() as silent:
            kubeconfig = _kubeconfig(tmp_path, f"http://127.0.0.1:{silent.port}")
            async with Kube.connect(kubeconfig, None, timeout=0.3) as kube:
                await kube.get("/api/v1/namespaces")

    with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
        asyncio.run(run())


def test_a_cluster_that_refuses_connections_is_unreachable(tmp_path: Path) -> None:
    kubeconfig = _kubeconfig(tmp_path, f"https://127.0.0.1:{closed_port()}")
    with pytest.raises(Unreachable, match="can't be reached: Connection refused"):
        ask(kubeconfig, lambda kube: kube.get("/api/v1/namespaces"))


def _kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path
