"""Faults that lead clients elsewhere: to nobody, to somebody who answers errors, or to a name that is gone."""

from __future__ import annotations

import asyncio

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Landing, Target
from drillbook.faults.knocking import Door, find_door
from drillbook.faults.places import shell
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]

GET = 'curl -s -o /dev/null -w "%{http_code} " --max-time 3 "http://$1:$2/ready"'


async def statuses(kube: Kube, door: Door, count: int) -> list[str]:
    """What a neighbour is answered, so many times."""
    script = f"for turn in $(seq {count}); do {GET}; done"
    done = await shell(kube, door.place, script, door.host, str(door.port))
    return done.stdout.split()


def test_a_dependency_that_is_down_refuses_and_its_service_leads_to_its_pods_again(system: Solar) -> None:
    aim = aimed(system, "dependency-down", "cache")

    async def nobody_answers(kube: Kube, landing: Landing) -> None:
        with pytest.raises(Refused, match="was seen to answer"):
            await find_door(kube, aim, labels="app=backend")

    said, landing, told = lived_through(system, "dependency-down", aim, meanwhile=nobody_answers)
    assert "open connections may live on" in said
    assert landing.evidence == {"addresses left": {"redis": []}}
    assert told == "Service redis leads to 1 ready pods"


@pytest.mark.slow
def test_a_share_of_the_requests_gets_an_error_and_no_more(system: Solar) -> None:
    aim = aimed(system, "http-errors", "api")

    async def some_fail(kube: Kube, landing: Landing) -> None:
        seen = await statuses(kube, await find_door(kube, aim, labels="app=frontend"), 40)
        assert set(seen) == {"200", "503"}
        assert 3 <= seen.count("503") <= 20

    lived_through(system, "http-errors", aim, meanwhile=some_fail)


def test_an_upstream_that_limits_answers_429_to_everybody(system: Solar) -> None:
    aim = aimed(system, "http-errors", "flower", status=429, alone=True)

    async def all_fail(kube: Kube, landing: Landing) -> None:
        seen = await statuses(kube, await find_door(kube, aim, labels="app=frontend"), 10)
        assert set(seen) == {"429"}
        await asyncio.sleep(0.3)
        again = await fault_named("http-errors").landed(kube, aim, (await targets(kube)), {})
        assert again.evidence["answers in its log"] >= 10

    async def targets(kube: Kube) -> list[Target]:
        return [c.target for c in await fault_named("http-errors").candidates(kube, aim)]

    said, _, _ = lived_through(system, "http-errors", aim, meanwhile=all_fail)
    assert said == "a pod of nginx:1.31-alpine that answers 429 on port 5555 takes over Service flower"


def test_a_name_that_is_gone_resolves_again(system: Solar) -> None:
    said, landing, told = lived_through(system, "dns-failing", aimed(system, "dns-failing", "flower"))
    assert said.startswith("this cluster has no DNSChaos: Service flower is deleted, and made again with the address")
    assert landing.evidence == {"resolves": {"flower": False}}
    assert told == "Service flower is made again, and leads to 1 ready pods"


def test_a_service_whose_address_would_not_come_back_is_not_deleted(system: Solar) -> None:
    aim, path = aimed(system, "dns-failing", "flower"), path_of("services", NAMESPACE, "flower")

    async def scene(kube: Kube) -> None:
        kind = (await kube.get(path))["spec"]["type"]
        await kube.patch(path, {"spec": {"type": "LoadBalancer"}})
        try:
            with pytest.raises(Refused, match="found type LoadBalancer, which would get another from outside"):
                await fault_named("dns-failing").how(kube, aim)
        finally:
            await kube.patch(path, {"spec": {"type": kind}})

    system.on_kube(scene)


def test_a_service_that_is_made_again_still_has_its_owner(system: Solar) -> None:
    aim, path = aimed(system, "dns-failing", "flower"), path_of("services", NAMESPACE, "flower")

    async def scene(kube: Kube) -> None:
        deployment = await kube.get(path_of("deployments", NAMESPACE, "flower"))
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "flower", "uid": deployment["metadata"]["uid"]}
        await kube.patch(path, {"metadata": {"ownerReferences": [owner]}})
        fault, put_back = fault_named("dns-failing"), await fault_named("dns-failing").put_back(kube, aim)
        try:
            await kube.delete(path)
            await fault.undo(kube, put_back, 30)
            assert (await kube.get(path))["metadata"]["ownerReferences"] == [owner]
        finally:
            await kube.patch(path, [{"op": "remove", "path": "/metadata/ownerReferences"}])

    system.on_kube(scene)


def test_a_component_without_a_service_cannot_be_led_elsewhere(system: Solar) -> None:
    for name in ("dependency-down", "http-errors", "dns-failing"):
        with pytest.raises(Refused, match="component 'worker' has no service in its policy"):
            system.on_kube(lambda kube, n=name: fault_named(n).how(kube, aimed(system, n, "worker")))  # type: ignore[misc]
