"""Chaos Toolkit probes: do the objectives hold, and has the system recovered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.chaos.doorway import Place, interrupting, watched
from drillbook.drills import signals
from drillbook.drills.ledger import filled
from drillbook.drills.plan import SUSTAINED_SECONDS
from drillbook.errors import DrillAborted
from drillbook.faults.workloads import read_workload, wait_ready, workload_of
from drillbook.model.verdict import Status

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

__all__ = ["objectives_hold", "recovered"]

POLL_SECONDS: Final = 0.1
ANSWER_SECONDS: Final = 1.0


def objectives_hold(configuration: Mapping[str, Any] | None = None) -> bool:
    """Whether every objective of the policy holds now; False when one fails.

    Raises ActivityFailed with a sentence when nobody can tell: an unknown is not a False, and never a True.
    """
    from chaoslib.exceptions import ActivityFailed

    desk = watched()
    if desk is not None:
        if desk.from_engine("injecting") is None:
            # The drill has checked them already and would not have started this process otherwise.
            return True
        said = desk.wait_for_drill("objectives_after", float(desk.brief["longest_seconds"]), int(desk.brief["parent"]))
        return bool(said.details["hold"])
    verdicts = Place.of(configuration or {}).objectives()
    failing = [v for v in verdicts if v.status is Status.FAIL]
    unknown = [v for v in verdicts if v.status is Status.INCONCLUSIVE]
    if not verdicts or (unknown and not failing):
        why = f"{unknown[0].id}: {unknown[0].reason}" if unknown else "the policy has no objectives"
        raise ActivityFailed(f"nobody can tell whether the objectives hold: {why}")
    return not failing


@interrupting
def recovered(within: float = 120, configuration: Mapping[str, Any] | None = None) -> bool:
    """Wait until the component has its ready pods and users are served for two seconds without a bad answer.

    Interrupts the run when that isn't so ``within`` seconds: in a method, Chaos Toolkit would ignore a False.
    """
    desk = watched()
    if desk is not None:
        longest, parent = float(desk.brief["longest_seconds"]), int(desk.brief["parent"])
        return bool(desk.wait_for_drill("recovery", longest, parent).details["seen"])
    place = Place.of(configuration or {})
    place.with_kube(lambda kube: _wait(kube, place, float(within)))
    return True


async def _wait(kube: Kube, place: Place, within: float) -> None:
    from drillbook.clients.access import authority_of
    from drillbook.clients.http import open_http
    from drillbook.clients.reach import http_endpoint

    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    entrance, route, _ = signals.entrance(place.policy)
    endpoint = await http_endpoint(kube.itself, place.environment, entrance)
    authority = authority_of(place.environment, entrance.id)
    workload, namespace = workload_of(place.component), place.component.namespace
    replicas = (await read_workload(kube, workload, namespace)).replicas
    await wait_ready(kube, workload, namespace, replicas, within)
    async with open_http(endpoint, ca=authority, timeout=ANSWER_SECONDS) as http:
        good_since = loop.time()
        while loop.time() - good_since < SUSTAINED_SECONDS:
            answer = await http.send(filled(route))
            if answer.status is None or not 200 <= answer.status < 300:
                good_since = loop.time()
            if loop.time() > deadline:
                said = answer.problem or f"HTTP {answer.status}"
                raise DrillAborted(f"not recovered within {within:g} s: GET {route.path} last answered {said}")
            await asyncio.sleep(POLL_SECONDS)
