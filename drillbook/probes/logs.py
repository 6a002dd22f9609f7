"""What containers wrote: how often something stands in their logs, and how much they keep on disk."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.clients.kube_exec import execute
from drillbook.errors import ConfigError
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.running import place_of
from drillbook.probes.scene import Scene, needed
from drillbook.probes.windows import seconds_of
from drillbook.probes.workloads import lasting_containers, pods

_MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one container's log that are read; where there are more, the count is a lower bound."""


class _Read(NamedTuple):
    where: str
    lines: int
    matches: int
    cut: bool


async def matches(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Lines within the window in which the pattern is found, over every container of every pod of the workload.

    A container that restarted keeps the log of its previous life apart: that is read too.
    """
    asked = needed(component, "log.matches")
    window = seconds_of(parameters, "window")
    try:
        pattern = re.compile(parameters["pattern"])
    except re.error as error:
        raise ConfigError(f"parameter pattern: {parameters['pattern']!r} is no regular expression: {error}") from error
    where = f"logs of {asked.workload} in namespace {asked.namespace}"
    found = await pods(scene, asked)
    lives = [life for pod in found for life in _lives(pod, scene.clock.now() - timedelta(seconds=window))]
    if not lives:
        return scene.unseen(Dimension.COUNT, where, f"no container of {asked.workload} has run yet")
    kube = await scene.kube()
    read = await asyncio.gather(*(_read(kube, asked.namespace, *life, math.ceil(window), pattern) for life in lives))
    total = sum(one.matches for one in read)
    cut = [one.where for one in read if one.cut]
    return scene.seen(
        Dimension.COUNT,
        where,
        total,
        low=total,
        high=float("inf") if cut else total,
        samples=len(read),
        remedy=f"ask for a shorter window: the log of {', '.join(cut)} is longer than was read" if cut else "",
        evidence={
            "window": parameters["window"],
            "pattern": parameters["pattern"],
            "logs": [{"container": one.where, "lines": one.lines, "matches": one.matches} for one in read],
        },
    )


def _lives(pod: Object, since: datetime) -> list[tuple[str, str, bool]]:
    """Pod, container, and whether its previous life is meant, which counts where it ended in the window."""
    lives = []
    names = {container["name"] for container in lasting_containers(pod["spec"])}
    status = pod.get("status") or {}
    for one in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
        if one["name"] not in names:
            continue
        state, last = one.get("state") or {}, (one.get("lastState") or {}).get("terminated") or {}
        if "running" in state or "terminated" in state:
            lives.append((pod["metadata"]["name"], one["name"], False))
        if last.get("finishedAt") and datetime.fromisoformat(last["finishedAt"]) >= since:
            lives.append((pod["metadata"]["name"], one["name"], True))
    return lives


async def _read(
    kube: Kube, namespace: str, pod: str, container: str, previous: bool, seconds: int, pattern: re.Pattern[str]
) -> _Read:
    query = [("container", container), ("sinceSeconds", str(seconds)), ("limitBytes", str(_MOST_BYTES))]
    query += [("previous", "true")] if previous else []
    data = await kube.request("GET", path_of("pods", namespace, pod, "log"), query=query, accept="*/*")
    lines = data.decode(errors="replace").splitlines()
    found = sum(pattern.search(line) is not None for line in lines)
    return _Read(
        f"{pod}/{container}" + (" (previous)" if previous else ""), len(lines), found, len(data) >= _MOST_BYTES
    )


async def size(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Bytes on disk below a folder of the component's container, by ``du`` in it: a log that nobody rotates grows."""
    asked = needed(component, "log.size")
    place = await place_of(scene, asked, parameters["container"])
    folder = str(parameters["path"])
    done = await execute(await scene.kube(), place.namespace, place.pod, place.container, ["du", "-sk", folder])
    where = f"{folder} in {place}"
    number = done.stdout.split()[0] if done.stdout.split() else ""
    evidence = {"command": f"du -sk {folder}", "exit_code": done.exit_code, "said": done.stderr[:300]}
    if done.exit_code or not number.isdigit():
        problem = f"du said nothing that can be counted (exit code {done.exit_code}): {done.stderr.strip()[:200]}"
        return scene.unseen(Dimension.BYTES, where, problem, remedy="name a folder that is there", evidence=evidence)
    return scene.seen(Dimension.BYTES, where, int(number) * 1024, evidence=evidence)
