"""What a workload's pods use of what they may: CPU and memory of each container against its own limit.

The pod metrics API gives a working set and a CPU rate averaged over its window; the worst container of the worst pod is
the value, for an average over pods hides the one that is about to be killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.kube import ApiRefusal, Object, path_of, selector_text
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import lasting_containers, pods, workload

_FIRST_METRICS_WITHIN: Final = 6.0
"""Seconds to wait for metrics of pods so young that there may be none yet."""
_YOUNG: Final = 90.0
"""Age in seconds up to which missing metrics are no surprise: a metrics server's usual window and a half."""


@dataclass(frozen=True, slots=True)
class _Use:
    """One container, and what it uses of what it may."""

    pod: str
    container: str
    used: Decimal
    limit: Decimal

    @property
    def ratio(self) -> Decimal:
        return self.used / self.limit


async def cpu_ratio(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """CPU used over CPU limit of the worst container among the workload's pods."""
    return await _worst(scene, needed(component, "pod.cpu_ratio"), "cpu")


async def memory_ratio(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Working set over memory limit of the worst container among the workload's pods."""
    return await _worst(scene, needed(component, "pod.memory_ratio"), "memory")


async def _worst(scene: Scene, component: Component, resource: str) -> Observation:
    where = f"pod metrics of {component.workload} in namespace {component.namespace}"
    running = await pods(scene, component)
    if not running:
        return scene.unseen(Dimension.RATIO, where, f"{component.workload} has no running pod")
    unlimited = [
        f"{pod['metadata']['name']}/{container['name']}"
        for pod in running
        for container in lasting_containers(pod["spec"])
        if resource not in ((container.get("resources") or {}).get("limits") or {})
    ]
    if unlimited:
        problem = f"no {resource} limit, so no ratio: {', '.join(unlimited)}"
        return scene.unseen(Dimension.RATIO, where, problem, remedy=f"set resources.limits.{resource}")
    metrics = await _metrics(scene, component, running)
    uses, missing = [], []
    for pod in running:
        measured = metrics.get(pod["metadata"]["name"], {})
        for container in lasting_containers(pod["spec"]):
            name = container["name"]
            if name not in measured:
                missing.append(f"{pod['metadata']['name']}/{name} (running for {_age(scene, pod):.0f} s)")
                continue
            limit = kube_quantity(container["resources"]["limits"][resource])
            uses.append(_Use(pod["metadata"]["name"], name, kube_quantity(measured[name][resource]), limit))
    evidence = {"uses": [_told(use, resource) for use in sorted(uses, key=lambda use: use.ratio, reverse=True)]}
    if missing:
        problem = f"no metrics for {', '.join(missing)}"
        remedy = "wait for the metrics server's next round, or look whether it runs"
        return scene.unseen(Dimension.RATIO, where, problem, remedy=remedy, evidence=evidence)
    worst = max(uses, key=lambda use: use.ratio)
    value = round(worst.ratio, 6)
    spot = f"{where}: worst is {worst.pod}/{worst.container}"
    return scene.seen(Dimension.RATIO, spot, value, samples=len(uses), evidence=evidence)


def _told(use: _Use, resource: str) -> dict[str, Any]:
    unit = "cores" if resource == "cpu" else "bytes"
    return {
        "pod": use.pod,
        "container": use.container,
        f"used_{unit}": float(use.used),
        f"limit_{unit}": float(use.limit),
        "ratio": round(float(use.ratio), 4),
    }


async def _metrics(scene: Scene, component: Component, running: list[Object]) -> dict[str, dict[str, Object]]:
    """Usage by pod and container; asked again for a while as long as young pods have none yet."""
    owner = await workload(scene, component)

    async def look() -> dict[str, dict[str, Object]]:
        kube = await scene.kube()
        path, labels = path_of("podmetrics", component.namespace), selector_text(owner["spec"]["selector"])
        deadline = scene.clock.monotonic() + _FIRST_METRICS_WITHIN
        while True:
            try:
                items = await kube.list(path, labels=labels)
            except ApiRefusal as refused:
                if refused.code in {404, 503}:
                    raise Unreachable(
                        f"this cluster serves no pod metrics (is metrics-server there?): {refused}"
                    ) from refused
                raise
            found = {
                item["metadata"]["name"]: {c["name"]: c["usage"] for c in item.get("containers") or ()}
                for item in items
            }
            waiting = [p for p in running if p["metadata"]["name"] not in found and _age(scene, p) < _YOUNG]
            if not waiting or scene.clock.monotonic() > deadline:
                return found
            await asyncio.sleep(0.5)

    return await scene.once(("metrics", component.namespace, component.workload), look)


def _age(scene: Scene, pod: Object) -> float:
    started = (pod.get("status") or {}).get("startTime") or pod["metadata"]["creationTimestamp"]
    return (scene.clock.now() - datetime.fromisoformat(started)).total_seconds()
