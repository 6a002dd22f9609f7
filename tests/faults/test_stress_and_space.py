"""A busy processor, filled memory, a container killed for it, and a full volume."""

from __future__ import annotations

import pytest

from drillbook.clients.kube import Kube
from drillbook.errors import Refused
from drillbook.faults import fault_named, processes
from drillbook.faults.fault import Landing
from drillbook.faults.places import places_of
from drillbook.faults.workloads import workload_of
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]

CPU, MEMORY, FULL = "cpu-stress", "memory-stress", "volume-fill"


async def busy(system: Solar, kube: Kube, fault: str) -> list[bool]:
    """For each pod of the frontend, whether a process of the fault runs in it."""
    places = await places_of(kube, workload_of(system.policy.components["frontend"]), NAMESPACE)
    return sorted([bool(await processes.running(kube, place, fault)) for place in places])


def test_only_the_chosen_pod_is_busy(system: Solar) -> None:
    async def one(kube: Kube, landing: Landing) -> None:
        assert await busy(system, kube, CPU) == [False, True]

    _, landing, _ = lived_through(system, CPU, aimed(system, CPU, "frontend", pods=1), meanwhile=one)
    (seen,) = landing.evidence["pods"].values()
    assert seen["cpu seconds"] > 0
    assert system.on_kube(lambda kube: busy(system, kube, CPU)) == [False, False]


def test_memory_is_held_and_given_back(system: Solar) -> None:
    aim = aimed(system, MEMORY, "frontend", pods=1, ratio=0.2)
    _, landing, _ = lived_through(system, MEMORY, aim)
    (seen,) = landing.evidence["pods"].values()
    assert seen["wanted_bytes"] == int(0.2 * 256 * 1024**2)
    assert seen["held_bytes"] >= 0.9 * seen["wanted_bytes"]
    assert system.on_kube(lambda kube: busy(system, kube, MEMORY)) == [False, False]


@pytest.mark.slow
def test_too_much_memory_gets_the_container_killed(system: Solar) -> None:
    fault, aim = fault_named(MEMORY), aimed(system, MEMORY, "frontend", pods=1, ratio=1.3)

    async def scene(kube: Kube) -> None:
        from drillbook.drills.landing import wait_landed

        target = (await fault.candidates(kube, aim))[0].target
        put_back = await fault.put_back(kube, aim)
        await fault.inject(kube, aim, [target])
        seen = await wait_landed(kube, fault, aim, [target], put_back, 30)
        assert seen.landed
        deadline = 60
        while "OOMKilled" not in str(seen.evidence) and deadline:
            seen, deadline = await fault.landed(kube, aim, [target], put_back), deadline - 1
        assert "OOMKilled" in str(seen.evidence)
        await fault.undo(kube, put_back, 60)

    system.on_kube(scene)


def test_memory_without_a_bound_is_refused(system: Solar) -> None:
    aim = aimed(system, MEMORY, "frontend", most_bytes=1000)
    with pytest.raises(Refused, match="the setting most_bytes allows 1,000"):
        system.on_kube(lambda kube: fault_named(MEMORY).how(kube, aim))


def test_a_volume_is_as_full_as_asked_and_has_room_again(system: Solar) -> None:
    try:
        _, landing, _ = lived_through(system, FULL, aimed(system, FULL, "backups", ratio=0.05))
    except Refused as refused:
        # Where the kernel lets nobody mount, volumes are folders of one disk, which is exactly what must be refused.
        assert "it shares a disk with others" in str(refused)  # noqa: PT017
        return
    (volume,) = landing.evidence["volumes"].values()
    assert 0.04 <= volume["used_ratio"] <= 0.06


def test_a_pod_without_a_claim_has_no_volume_to_fill(system: Solar) -> None:
    with pytest.raises(Refused, match="deployment/frontend has no claim mounted at any path"):
        system.on_kube(lambda kube: fault_named(FULL).how(kube, aimed(system, FULL, "frontend")))
