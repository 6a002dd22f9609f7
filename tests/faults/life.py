"""The life of a fault on the live Solar: it lands, is undone, undone again, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drillbook.clients.kube import Kube, path_of
from drillbook.drills import residue
from drillbook.drills.landing import wait_landed
from drillbook.faults import fault_named
from drillbook.faults.fault import Aim, Fault, Landing, PutBack, Target
from drillbook.faults.keeping import LABEL
from drillbook.faults.settings import read_settings
from tests.drills.conftest import NAMESPACE, Solar

type Look = Callable[[], None]
"""Looks from outside, in a thread and with connections of its own."""

LAND_SECONDS = 20.0
UNDO_SECONDS = 60.0
SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Life:
    """One fault, aimed at one component."""

    system: Solar
    fault: Fault
    aim: Aim

    @classmethod
    def of(cls, system: Solar, fault: str, component: str, pods: int = 1, **settings: Any) -> Life:
        """Aimed as an experiment would aim it."""
        found = fault_named(fault)
        aim = Aim(system.policy.components[component], pods, settings=read_settings(fault, found.settings, settings))
        return cls(system, found, aim)

    async def written(self, kube: Kube) -> PutBack:
        """What the journal holds of it: JSON, read back."""
        found: PutBack = json.loads(json.dumps(await self.fault.put_back(kube, self.aim)))
        return found

    async def targets(self, kube: Kube) -> tuple[Target, ...]:
        """Those that may be hit, as many as aimed at."""
        eligible = [c.target for c in await self.fault.candidates(kube, self.aim) if not c.why_not]
        return tuple(eligible[: self.aim.pods or None])

    async def landed(self, kube: Kube, targets: tuple[Target, ...], before: PutBack, seconds: float = 0) -> Landing:
        """Whether it shows, within so many seconds."""
        return await wait_landed(kube, self.fault, self.aim, targets, before, seconds)

    def lived(self, meanwhile: Look | None = None) -> Landing:
        """All of it; ``meanwhile`` looks while it is broken. What was seen of the landing."""

        async def scene(kube: Kube) -> Landing:
            objects = await residue.take(kube)
            assert await self.fault.how(kube, self.aim)
            before = await self.written(kube)
            targets = await self.targets(kube)
            assert not (await self.landed(kube, targets, before)).landed, "seen before it was done"
            await self.fault.undo(kube, before, UNDO_SECONDS)
            try:
                assert await self.fault.inject(kube, self.aim, targets) == targets
                seen = await self.landed(kube, targets, before, LAND_SECONDS)
                assert seen.landed, seen.evidence
                json.dumps(seen.evidence)
                if meanwhile:
                    await asyncio.to_thread(meanwhile)
            finally:
                first = await self.fault.undo(kube, before, UNDO_SECONDS)
            assert first
            assert not (await self.landed(kube, targets, before)).landed, "still seen after its undo"
            again = await self.fault.undo(kube, before, UNDO_SECONDS)
            assert "put back" not in again
            assert await self.left(kube, objects) == []
            return seen

        return self.system.on_kube(scene)

    async def left(self, kube: Kube, before: residue.Snapshot) -> list[str]:
        """What differs in the cluster, and what is still kept; some seconds are given to what is on its way out."""
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while True:
            traces = self.fault.traces(self.aim)
            found = list(residue.residue(before, await residue.take(kube), self.system.policy.namespaces, traces))
            found += [one["metadata"]["name"] for one in await kube.list(path_of("secrets", NAMESPACE), labels=LABEL)]
            if not found or asyncio.get_running_loop().time() > deadline:
                return found
            await asyncio.sleep(0.3)
