"""Collecting: everything at once, each look bounded by itself, and no look can hurt another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import ConfigError, Unreachable
from drillbook.model.indicators import INDICATORS
from drillbook.model.indicators.attested import ATTESTED
from drillbook.model.indicators.aws import AWS
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes import collect
from drillbook.probes.scene import Probe, Scene
from tests.clients.servers import closed_port
from tests.probes.scenes import component, environment, look, objective, policy

COUNTS = ("workload.ready_replicas", "database.connections", "services.least_endpoints", "http.health")


def probe(seconds: float = 0.0, error: Exception | None = None) -> Probe:
    async def looking(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
        return scene.seen(Dimension.COUNT, "here", 1)

    return looking


def collect_with(probes: Mapping[str, Probe], **settings: Any) -> dict[str, Observation]:
    return look(component(), environment(), *(objective(name) for name in probes), probes=probes, **settings)


def test_looks_happen_at_the_same_time() -> None:
    begin = time.monotonic()
    found = collect_with({name: probe(1.0) for name in COUNTS})
    assert time.monotonic() - begin < 3
    assert all(seen.value == 1 and seen.took_seconds >= 0.9 for seen in found.values())


def test_a_look_that_hangs_costs_its_own_time_out_only() -> None:
    probes = {name: probe() for name in COUNTS} | {"http.health": probe(60)}
    begin = time.monotonic()
    found = collect_with(probes, look_seconds=0.3)
    assert time.monotonic() - begin < 10
    assert found["http.health"].value is None
    assert found["http.health"].problem == "no answer within 0.3 s"
    assert all(found[name].value == 1 for name in COUNTS[:3])


def test_a_look_that_breaks_is_a_problem_without_its_words_and_the_others_go_on() -> None:
    broken = probe(error=RuntimeError("password=hunter2"))
    found = collect_with({name: probe() for name in COUNTS} | {"http.health": broken})
    assert found["http.health"].problem == "the probe failed with an unexpected RuntimeError"
    assert "hunter2" not in str(found)
    assert all(found[name].value == 1 for name in COUNTS[:3])


@pytest.mark.parametrize("error", [Unreachable("nobody is there"), ConfigError("no route")])
def test_a_documented_error_is_told_as_it_is(error: Exception) -> None:
    found = collect_with({"http.health": probe(error=error)})
    assert found["http.health"].problem == str(error)


def test_progress_hears_of_each_look_as_it_ends() -> None:
    heard: list[str] = []
    collect_with({name: probe() for name in COUNTS}, on_progress=heard.append)
    assert len(heard) == len(COUNTS)
    assert any("looked at http.health" in sentence for sentence in heard)


def test_a_shared_look_happens_once_and_outlives_a_caller_that_gave_up() -> None:
    looked: list[int] = []

    async def shared() -> int:
        looked.append(1)
        await asyncio.sleep(0.3)
        return 7

    async def run() -> int:
        async with Scene(policy(component()), environment(), ()) as scene:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await scene.once("key", shared)
            return sum(await asyncio.gather(*(scene.once("key", shared) for _ in range(5))))

    assert asyncio.run(run()) == 35
    assert looked == [1]


def test_a_shared_look_that_fails_fails_for_everybody() -> None:
    async def shared() -> int:
        await asyncio.sleep(0)
        raise Unreachable("nobody is there")

    async def run() -> list[int | BaseException]:
        async with Scene(policy(component()), environment(), ()) as scene:
            return await asyncio.gather(*(scene.once("key", shared) for _ in range(3)), return_exceptions=True)

    assert [str(error) for error in asyncio.run(run())] == ["nobody is there"] * 3


def test_an_unreachable_cluster_is_a_problem_of_every_observation_and_found_out_quickly(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        f"""
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{closed_port()}"}}}}]
users: [{{name: u, user: {{token: hunter2}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""
    )
    one = component(workload=None, service="api", ingress="shop")
    objectives = [objective(name) for name in INDICATORS if not name.startswith((ATTESTED, AWS))]
    begin = time.monotonic()
    found = collect(policy(one, *objectives), environment(kubeconfig=kubeconfig), objectives)
    assert time.monotonic() - begin < 15
    assert all(seen.value is None for seen in found.values())
    unasked = (
        "no workload in the policy",
        "has engine 'postgres'; a cache needs redis",
        "one component with engine: prometheus",
        "one component with engine: alertmanager",
    )
    reached = [seen for seen in found.values() if not any(words in seen.problem for words in unasked)]
    assert len(reached) >= 7
    assert all("the cluster at https://127.0.0.1" in seen.problem for seen in reached)
    assert all("Connection refused" in seen.problem for seen in reached)
    assert "hunter2" not in str(found)


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = look(component(service="api"), environment(kubeconfig=tmp_path / "nowhere"), objective("http.health"))
    assert "no kubeconfig at" in found["http.health"].problem


def test_a_kubeconfig_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "kubeconfig"
    bad.write_text("{{{ not yaml")
    found = look(component(service="api"), environment(kubeconfig=bad), objective("http.health"))
    assert f"no cluster configuration can be read from {bad}" in found["http.health"].problem


def test_what_is_timed_is_looked_at_by_itself_and_what_lasts_along_with_it() -> None:
    """Sixty other looks at the same moment are work that users don't wait for."""
    began: dict[str, float] = {}

    def noting(name: str, seconds: float) -> Probe:
        async def looking(scene: Scene, _component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
            began[name] = scene.clock.monotonic()
            await asyncio.sleep(seconds)
            return scene.seen(INDICATORS[name].dimension, "here", 1)

        return looking

    names = ("workload.ready_replicas", "http.latency", "http.throughput", "http.health")
    look(component(), environment(), *map(objective, names), probes={n: noting(n, 0.5) for n in names})
    timed = began["http.latency"]
    assert abs(began["http.throughput"] - timed) < 0.4
    assert all(began[name] - timed >= 0.5 for name in ("workload.ready_replicas", "http.health"))


def test_a_sample_that_hangs_keeps_the_others_waiting_no_longer_than_its_traffic_would_last() -> None:
    probes = {"http.latency": probe(60), "http.health": probe()}
    begin = time.monotonic()
    heard: dict[str, float] = {}
    collect_with(probes, look_seconds=4.0, on_progress=lambda said: heard.update({said: time.monotonic() - begin}))
    assert min(heard.values()) < 4.0 < max(heard.values())
