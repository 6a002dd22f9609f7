"""Faults of the network: seen from a neighbour that knocks, and gone with their object."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import creating, fault_named
from drillbook.faults.creating import NETWORK_POLICY, create, remove
from drillbook.faults.fault import Landing
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]


def test_a_database_whose_network_is_cut_is_silent_and_answers_again(system: Solar) -> None:
    said, landing, told = lived_through(system, "network-cut", aimed(system, "network-cut", "database"))
    assert said.startswith("a NetworkPolicy drillbook-network-cut-database is created, which the network plug-in must")
    assert set(landing.evidence["knocked"].values()) == {"silent"}
    assert told == (
        "NetworkPolicy drillbook-network-cut-database is gone, deployment/postgres has its 1 ready replicas"
    )


def test_a_delay_is_measured_from_a_neighbour(system: Solar) -> None:
    _, landing, _ = lived_through(system, "network-delay", aimed(system, "network-delay", "cache", milliseconds=800))
    assert landing.evidence["now_seconds"] - landing.evidence["usual_seconds"] > 0.4


@pytest.mark.slow
def test_a_partition_has_two_sides_and_everybody_else_reaches_both(system: Solar) -> None:
    aim = aimed(system, "partition", "cache", peer="app=backend")

    async def others_answer(kube: Kube, landing: Landing) -> None:
        from drillbook.faults.knocking import find_door

        assert await find_door(kube, aim, labels="app=celery-worker")
        with pytest.raises(Refused, match="was seen to answer"):
            await find_door(kube, aim, labels="app=backend")

    lived_through(system, "partition", aim, meanwhile=others_answer)


def test_what_cannot_be_partitioned_or_seen_is_refused(system: Solar) -> None:
    async def how(kube: Kube, name: str, component: str, **settings: Any) -> str:
        return await fault_named(name).how(kube, aimed(system, name, component, **settings))

    for name, component, settings, words in (
        ("partition", "cache", {}, "has two sides"),
        ("partition", "cache", {"peer": "app"}, "has two sides"),
        ("network-cut", "worker", {}, "has no service and port in its policy"),
        ("scrape-lost", "api", {"namespace": NAMESPACE}, "in the component's own namespace"),
        ("scrape-lost", "api", {"namespace": "default"}, "from none of the 0 ready pods in namespace default"),
    ):
        with pytest.raises(Refused, match=words):
            system.on_kube(lambda kube, n=name, c=component, s=settings: how(kube, n, c, **s))  # type: ignore[misc]


def test_a_cluster_without_chaos_mesh_is_told_before_the_drill(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Kube.get

    async def get(kube: Kube, path: str, **query: str) -> Any:
        return await really(kube, path.replace("chaos-mesh.org", "nobody.example"), **query)

    monkeypatch.setattr(Kube, "get", get)
    with pytest.raises(Refused, match="is made by Chaos Mesh, and this cluster has no NetworkChaos"):
        system.on_kube(lambda kube: fault_named("network-delay").how(kube, aimed(system, "network-delay", "cache")))


def test_a_policy_that_admits_something_cannot_be_overruled(system: Solar) -> None:
    aim = aimed(system, "network-cut", "database")
    spec = {"podSelector": {"matchLabels": {"app": "postgres"}}, "ingress": [{}]}

    async def scene(kube: Kube) -> None:
        body = {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "metadata": {"name": "own"}}
        await kube.create(path_of("networkpolicies", NAMESPACE), {**body, "spec": spec})
        try:
            await fault_named("network-cut").how(kube, aim)
        finally:
            await kube.delete(path_of("networkpolicies", NAMESPACE, "own"))

    with pytest.raises(Refused, match="admits traffic of these pods, and another policy can't take that away"):
        system.on_kube(scene)


def test_what_an_earlier_drill_left_refuses_the_next_and_what_is_not_ours_is_never_deleted(system: Solar) -> None:
    spec = {"podSelector": {"matchLabels": {"app": "nobody"}}}

    async def scene(kube: Kube) -> None:
        await create(kube, NETWORK_POLICY, "network-cut", NAMESPACE, "left", {"spec": spec})
        try:
            with pytest.raises(Refused, match="an earlier drill left it"):
                await create(kube, NETWORK_POLICY, "network-cut", NAMESPACE, "left", {"spec": spec})
            with pytest.raises(DrillAborted, match="is not the one of fault scrape-lost"):
                await remove(kube, NETWORK_POLICY, "scrape-lost", NAMESPACE, "left", 1)
        finally:
            await remove(kube, NETWORK_POLICY, "network-cut", NAMESPACE, "left", 5)
            await remove(kube, NETWORK_POLICY, "network-cut", NAMESPACE, "left", 5)

    system.on_kube(scene)
    assert creating.condition(None, "AllInjected") is False


def test_a_lost_scrape_is_silent_for_the_monitoring_alone(system: Solar) -> None:
    aim = aimed(system, "scrape-lost", "api", labels="app=prometheus")

    async def users_are_served(kube: Kube, landing: Landing) -> None:
        from drillbook.faults.knocking import find_door

        assert await find_door(kube, aim, labels="app=frontend")

    lived_through(system, "scrape-lost", aim, meanwhile=users_are_served)
