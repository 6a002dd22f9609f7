"""One fault on the live system, from its sentence to its undo: it lands, is put back, and nothing else is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from drillbook.clients.kube import Kube
from drillbook.drills import residue
from drillbook.drills.landing import wait_landed
from drillbook.faults import fault_named
from drillbook.faults.fault import Aim, Landing
from drillbook.faults.settings import read_settings
from tests.drills.conftest import Solar

UNDO_SECONDS = 60.0
SETTLE_SECONDS = 15.0


def aimed(system: Solar, fault: str, component: str, pods: int = 0, **settings: Any) -> Aim:
    """An aim at a component with the fault's settings, the others by their defaults."""
    declared = fault_named(fault).settings
    return Aim(system.policy.components[component], pods, settings=read_settings(fault, declared, settings))


type Meanwhile = Callable[[Kube, Landing], Awaitable[None]]


async def nothing(kube: Kube, landing: Landing) -> None:
    """Nothing is done while the fault lasts."""


def outside(look: Callable[[], None]) -> Meanwhile:
    """Looks in a thread and with connections of its own, as somebody else would."""

    async def meanwhile(kube: Kube, landing: Landing) -> None:
        await asyncio.to_thread(look)

    return meanwhile


def lived_through(
    system: Solar, name: str, aim: Aim, *, seconds: float = 20.0, meanwhile: Meanwhile = nothing, half: bool = True
) -> tuple[str, Landing, str]:
    """What it says that it will do, what was seen of it, and what its undo says. Fails where anything is left.

    ``half``: the undo is also tried before anything was broken, as after an injection that never began.
    """
    fault = fault_named(name)

    async def scene(kube: Kube) -> tuple[str, Landing, str]:
        before = await residue.take(kube, system.policy.namespaces)
        sentence = await fault.how(kube, aim)
        candidates = await fault.candidates(kube, aim)
        targets = [c.target for c in candidates if not c.why_not]
        targets = targets[: aim.pods] if aim.pods else targets
        assert targets, candidates
        put_back = await fault.put_back(kube, aim)
        if half:
            await fault.undo(kube, put_back, UNDO_SECONDS)
        assert not (await fault.landed(kube, aim, targets, put_back)).landed
        try:
            assert await fault.inject(kube, aim, targets) == tuple(targets)
            landing = await wait_landed(kube, fault, aim, targets, put_back, seconds)
            assert landing.landed, landing.evidence
            await meanwhile(kube, landing)
        finally:
            told = await fault.undo(kube, put_back, UNDO_SECONDS)
        assert await fault.undo(kube, put_back, UNDO_SECONDS)
        await settled(system, kube, before, fault.traces(aim, put_back))
        return sentence, landing, told

    return system.on_kube(scene)


async def settled(system: Solar, kube: Kube, before: residue.Snapshot, traces: Any) -> None:
    """Nothing is changed, at the latest after some seconds."""
    deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
    ours = system.policy.namespaces
    while left := residue.residue(before, await residue.take(kube, ours), ours, traces):
        assert asyncio.get_running_loop().time() < deadline, left
        await asyncio.sleep(0.2)
