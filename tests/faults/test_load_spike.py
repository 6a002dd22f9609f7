"""A load spike comes from a pod, is told by the answers that came back, and ends with or without its undo."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.drills.landing import wait_landed
from drillbook.errors import Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Landing
from drillbook.model.policy import Component, Route
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]

POD = "drillbook-load-spike-api"


@pytest.mark.slow
def test_more_users_come_to_the_service_and_are_gone_afterwards(system: Solar) -> None:
    aim = aimed(system, "load-spike", "api", rate=20, seconds=120, requests=900)

    async def the_pod_ends_by_itself(kube: Kube, landing: Landing) -> None:
        spec = (await kube.get(path_of("pods", NAMESPACE, POD)))["spec"]
        assert 120 <= spec["activeDeadlineSeconds"] <= 180
        assert spec["restartPolicy"] == "Never"

    said, landing, told = lived_through(system, "load-spike", aim, seconds=30, meanwhile=the_pod_ends_by_itself)
    assert said.startswith(
        "a pod drillbook-load-spike-api of python:3.13-alpine sends 20 requests per second for 120 s at most, 900 in "
        "all, to GET /orders of Service backend ("
    )
    assert landing.evidence["came back"]["answered"]["200"] >= 20
    assert told == "Pod drillbook-load-spike-api is gone, deployment/backend has its 3 ready replicas"


@pytest.mark.slow
def test_it_ends_after_its_number_of_requests_where_nobody_undoes_it(system: Solar) -> None:
    fault, aim = fault_named("load-spike"), aimed(system, "load-spike", "api", rate=20, seconds=3600, requests=30)

    async def scene(kube: Kube) -> Landing:
        put_back = await fault.put_back(kube, aim)
        targets = [one.target for one in await fault.candidates(kube, aim)]
        await fault.inject(kube, aim, targets)
        try:
            async with asyncio.timeout(60):
                landing = await wait_landed(kube, fault, aim, targets, put_back, 30)
                while landing.landed and landing.evidence["pod"] == "Running":
                    await asyncio.sleep(0.2)
                    landing = await fault.landed(kube, aim, targets, put_back)
        finally:
            await fault.undo(kube, put_back, 60)
        return landing

    landing = system.on_kube(scene)
    assert sum(landing.evidence["came back"]["answered"].values()) == 30


@pytest.mark.slow
def test_requests_that_nobody_answers_are_no_evidence(system: Solar) -> None:
    """What was sent is no evidence: the Service is there, and nobody speaks HTTP behind it."""
    fault, cache = fault_named("load-spike"), aimed(system, "load-spike", "cache", rate=5, seconds=60, path="/")

    async def scene(kube: Kube) -> Landing:
        put_back = await fault.put_back(kube, cache)
        targets = [one.target for one in await fault.candidates(kube, cache)]
        await fault.inject(kube, cache, targets)
        try:
            return await wait_landed(kube, fault, cache, targets, put_back, 8)
        finally:
            await fault.undo(kube, put_back, 60)

    landing = system.on_kube(scene)
    assert not landing.landed
    assert landing.evidence["came back"]["answered"] == {}
    assert landing.evidence["came back"]["unanswered"] > 5


@pytest.mark.parametrize(
    ("component", "changes", "words"),
    [
        ("worker", {}, "component 'worker' has no service in its policy"),
        ("cache", {}, "has neither a route to read nor a health endpoint"),
        ("api", {"port": 1}, "expected its port to be one of those of Service backend, 8000, found 1"),
    ],
)
def test_where_users_do_not_come_in_nobody_is_sent(
    system: Solar, component: str, changes: dict[str, Any], words: str
) -> None:
    aim = aimed(system, "load-spike", component)
    aim = replace(aim, component=replace(aim.component, **changes))
    with pytest.raises(Refused, match=words):
        system.on_kube(lambda kube: fault_named("load-spike").how(kube, aim))


@pytest.mark.parametrize("path", ["orders", "/a b", "/x\r\nHost: elsewhere", "/ü", "http://elsewhere/"])
def test_a_path_that_is_more_than_a_path_is_refused(system: Solar, path: str) -> None:
    with pytest.raises(Refused, match="must say a path that begins with /"):
        system.on_kube(lambda kube: fault_named("load-spike").how(kube, aimed(system, "load-spike", "api", path=path)))


def test_the_route_that_users_read_most_is_the_one_that_is_asked() -> None:
    routes = (
        Route("GET", "/rare"),
        Route("GET", "/often", 8),
        Route("GET", "/orders/{key}", 9),
        Route("POST", "/o", 9),
    )
    assert Component("api", "shop", routes=routes).read_route == Route("GET", "/often", 8)
    assert Component("api", "shop").read_route is None
