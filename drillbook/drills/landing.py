"""Independent evidence that a fault landed: not that the API said yes to it, but that the thing itself shows it.

Of a pod: that this very pod, by UID, is gone or its containers are dead. Of a database also that the server which
answers afterwards was started later: a pod object can be replaced while its process lives on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillbookError
from drillbook.faults.fault import Aim, Fault, Landing, PutBack, Target
from drillbook.model.environment import Environment
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

POLL_SECONDS: Final = 0.05


async def server_started(kube: Kube, environment: Environment, component: Component) -> datetime | str:
    """When the database server that answers now was started, or why that can't be seen."""
    from drillbook.clients.postgres import open_database

    try:
        async with open_database(kube.itself, environment, component) as postgres:
            found: Any = await postgres.row("SELECT pg_postmaster_start_time() AS started")
            started: datetime = found["started"]
            return started
    except DrillbookError as error:
        return str(error)


async def wait_landed(
    kube: Kube, fault: Fault, aim: Aim, targets: Sequence[Target], before: PutBack, seconds: float
) -> Landing:
    """Look until the fault shows, at most so long; the last look where it doesn't."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        landing = _told(await fault.landed(kube, aim, targets, before))
        if landing.landed or loop.time() >= deadline:
            return landing
        await asyncio.sleep(POLL_SECONDS)


def _told(landing: Landing) -> Landing:
    """The landing, if its evidence can be written down; evidence that can't be shown is none."""
    try:
        json.dumps(landing.evidence)
    except (TypeError, ValueError) as error:
        return Landing(False, {"evidence": f"what the fault saw is no JSON: {error}"})
    return landing


def with_server(landing: Landing, before: datetime | str, after: datetime | str) -> Landing:
    """The landing of a fault on a database: it also takes a server that was started later than the one before."""
    if isinstance(before, str) or isinstance(after, str):
        why = before if isinstance(before, str) else after
        return replace(landing, landed=False, evidence={**landing.evidence, "server": f"can't be asked: {why}"})
    evidence = {**landing.evidence, "server_started": {"before": before.isoformat(), "after": after.isoformat()}}
    return Landing(landing.landed and after > before, evidence)
