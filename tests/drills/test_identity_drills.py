"""Drills of what proves identity: the certificate is looked at as clients see it, the old password is tried."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drillbook.clients.kube import Kube
from drillbook.drills.identity import identity_problems
from drillbook.faults import fault_named
from drillbook.model.verdict import Status
from tests.drills.conftest import Solar
from tests.faults.live import aimed


@pytest.mark.slow
def test_a_certificate_that_was_lost_is_issued_again_and_served(system: Solar) -> None:
    found = system.drill(system.order("pod-kill", experiment="certificate-lost"))
    assert (found.fault.landed, found.undone, found.residue) == (True, True, ()), found.reason
    assert found.status is Status.PASS, found.reason
    assert system.left_behind() == []


@pytest.mark.slow
def test_an_old_password_is_tried_and_refused_until_it_is_put_back(system: Solar) -> None:
    aim = aimed(system, "secret-rotated", "database", secret="solar-secrets", key="DATABASE_PASSWORD")
    fault = fault_named("secret-rotated")

    async def scene(kube: Kube) -> Any:
        put_back = await fault.put_back(kube, aim)
        (candidate,) = await fault.candidates(kube, aim)
        try:
            await fault.inject(kube, aim, [candidate.target])
            await asyncio.sleep(0.2)
            return await identity_problems(kube, system.environment, aim.component, put_back, procedure=True)
        finally:
            await fault.undo(kube, put_back, 60)

    assert system.on_kube(scene) == ()
