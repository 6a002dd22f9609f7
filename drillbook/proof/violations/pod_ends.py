"""How containers are made to end: killed for the memory that they take, as often as it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from drillbook.clients.kube import path_of
from drillbook.model.policy import Component, Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.hunger import FILL, MOST, lowered
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_MOST: Final = 4
"""Ends that are waited for: after each one the kubelet waits twice as long before it starts the container again."""
_RESTART_SECONDS: Final = 90.0


@asynccontextmanager
async def killed(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A container takes more memory than it may, and is killed and started again; in the end its pod is replaced."""
    component, times = stage.component(objective), int(number_beyond(objective, 1))
    if not 0 < times <= _MOST:
        raise Unplantable(f"{objective.id}: {objective.limit} takes {times} ends, and here {_MOST} are waited for")
    pods = await stage.pods(component)
    pod, container = pods[0]["metadata"], pods[0]["spec"]["containers"][0]
    path = path_of("pods", component.namespace, pod["name"])
    try:
        async with lowered(stage, component, pods[0], container, "memory", "limit", MOST["memory"]) as bound:
            for number in range(1, times + 1):
                command = ("python3", "-c", FILL, f"{bound * 2:.0f}")
                await stage.execute(component, *command, container=container["name"], pod=pod["name"])
                await stage.until(
                    f"restart {number} of {pod['name']}",
                    lambda wanted=number: _restarted(stage, path, wanted),  # type: ignore[misc]
                    _RESTART_SECONDS,
                )
        alone = stage.asking("*", component=component.id) | stage.asking("services.least_endpoints", "http.*")
        implied = stage.asking("pod.*", "workload.ready_replicas", component=component.id)
        implied |= stage.asking("rollout.incomplete") | (alone if len(pods) == 1 else frozenset())
        yield Planted(f"pod {pod['name']}: killed for its memory {times} times", implied)
    finally:
        await stage.kube.delete_pod(component.namespace, pod["name"], uid=pod["uid"], grace_seconds=1)
        await stage.until("its replacement to be Ready", lambda: _whole(stage, component, len(pods)), _RESTART_SECONDS)


async def _restarted(stage: Stage, path: str, wanted: int) -> bool:
    statuses = ((await stage.kube.get(path)).get("status") or {}).get("containerStatuses") or [{}]
    return int(statuses[0].get("restartCount", 0)) >= wanted and "running" in (statuses[0].get("state") or {})


async def _whole(stage: Stage, component: Component, wanted: int) -> bool:
    status: dict[str, Any] = (await stage.workload(component)).get("status") or {}
    return int(status.get("readyReplicas", 0)) >= wanted


VIOLATIONS: Final = (Violation("pod.restarts", killed), Violation("pod.oom_kills", killed))
