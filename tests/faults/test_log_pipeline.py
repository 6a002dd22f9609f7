"""Logs go nowhere: the sink is scaled away, or the shipper is kept from every node, and either is back afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Landing
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]

DAEMON_SETS = path_of("daemonsets", NAMESPACE)


def shipper(selector: dict[str, str] | None) -> Object:
    spec: Object = {"containers": [{"name": "ship", "image": "busybox:1.37", "command": ["sleep", "600"]}]}
    spec |= {"terminationGracePeriodSeconds": 1} | ({"nodeSelector": selector} if selector else {})
    labels = {"app": "shipper"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "shipper"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


@pytest.fixture(params=[None, {"kubernetes.io/os": "linux"}], ids=["every node", "some nodes"])
def shipped(system: Solar, request: pytest.FixtureRequest) -> Iterator[Solar]:
    """Solar with something that ships its logs from every node."""

    async def begin(kube: Kube) -> None:
        await kube.create(DAEMON_SETS, shipper(request.param))
        async with asyncio.timeout(60):
            while True:
                status = (await kube.get(f"{DAEMON_SETS}/shipper")).get("status") or {}
                if status.get("numberReady", 0) == status.get("desiredNumberScheduled", 0) > 0:
                    return
                await asyncio.sleep(0.2)

    async def end(kube: Kube) -> None:
        await kube.delete(f"{DAEMON_SETS}/shipper")
        for _ in range(300):
            if not await kube.list(path_of("pods", NAMESPACE), labels="app=shipper"):
                return
            await asyncio.sleep(0.2)
        raise AssertionError("pods of the shipper are left")

    system.on_kube(begin)
    yield system
    system.on_kube(end)


@pytest.mark.slow
def test_a_sink_that_is_stopped_takes_nothing_and_is_there_again(system: Solar) -> None:
    aim = aimed(system, "log-pipeline-down", "flower")
    _, landing, told = lived_through(system, "log-pipeline-down", aim)
    assert landing.evidence == {"pods left": [], "addresses left": []}
    assert told.startswith("deployment/flower has its 1 ready replicas")


@pytest.mark.slow
def test_a_shipper_is_kept_from_every_node_and_comes_back_to_each(shipped: Solar) -> None:
    aim = aimed(shipped, "log-pipeline-down", "api", shipper="shipper")

    async def the_component_goes_on(kube: Kube, landing: Landing) -> None:
        assert (await kube.get(path_of("deployments", NAMESPACE, "backend")))["spec"]["replicas"] == 3

    said, landing, told = lived_through(shipped, "log-pipeline-down", aim, meanwhile=the_component_goes_on)
    assert said.startswith("daemonset/shipper gets a node selector that no node answers to")
    assert landing.evidence == {"pods left": []}
    assert told == "daemonset/shipper has its 3 ready pods"


@pytest.mark.slow
def test_a_shipper_that_was_replaced_meanwhile_is_left_to_a_person(shipped: Solar) -> None:
    fault, aim = fault_named("log-pipeline-down"), aimed(shipped, "log-pipeline-down", "api", shipper="shipper")

    async def scene(kube: Kube) -> None:
        put_back = await fault.put_back(kube, aim)
        with pytest.raises(DrillAborted, match=r"daemonset/shipper .* is another object than before the drill"):
            await fault.undo(kube, {**put_back, "uid": "another"}, 5)

    shipped.on_kube(scene)


def test_a_shipper_that_is_not_there_is_refused(system: Solar) -> None:
    aim = aimed(system, "log-pipeline-down", "api", shipper="nobody")
    with pytest.raises(Refused, match="there is no DaemonSet solar-pv-llm-ai/nobody"):
        system.on_kube(lambda kube: fault_named("log-pipeline-down").how(kube, aim))


def test_what_a_shipper_needs_is_said_and_is_not_what_a_sink_needs(system: Solar) -> None:
    fault = fault_named("log-pipeline-down")
    needs = {
        name: {str(p) for p in fault.needs(aimed(system, "log-pipeline-down", "api", shipper=name)).to_repair}
        for name in ("", "shipper")
    }
    assert any("patch daemonsets" in text for text in needs["shipper"])
    assert not any("daemonsets" in text for text in needs[""])
    assert not any("deployments" in text for text in needs["shipper"])
