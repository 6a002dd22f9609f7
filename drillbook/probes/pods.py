"""What a workload's pods use of what they may: CPU and memory of each container against its own limit or request.

The pod metrics API gives a working set and a CPU rate averaged over its window; the worst container of the worst pod is
the value unless a policy asks for the average, which hides the one that is about to be killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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
_FRESH: Final = 180.0
"""Age in seconds from which metrics no longer speak of now: three of a metrics server's usual rounds."""
_UNITS: Final = {"cpu": "cores", "memory": "bytes"}


@dataclass(frozen=True, slots=True)
class _Use:
    """One container, what it uses, and what that is measured against: its limit or its request."""

    pod: str
    container: str
    used: Decimal
    bound: Decimal = Decimal(1)

    @property
    def ratio(self) -> Decimal:
        return self.used / self.bound


async def cpu_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """CPU used over the CPU limit (or request) of each container, by the worst one or by all of them together."""
    return await _ratio(scene, needed(component, "pod.cpu_ratio"), parameters, "cpu")


async def memory_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Working set over the memory limit (or request) of each container, by the worst one or by all together."""
    return await _ratio(scene, needed(component, "pod.memory_ratio"), parameters, "memory")


async def cpu(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Cores that a container uses: the busiest one's, or the mean of all."""
    asked = needed(component, "pod.cpu")
    where, running = await _running(scene, asked)
    if not running:
        return scene.unseen(Dimension.CORES, where, f"{asked.workload} has no running pod")
    uses, missing = await _uses(scene, asked, running, "cpu", lambda _: Decimal(1))
    evidence = {"uses": [_told(use, "cpu") for use in sorted(uses, key=lambda use: use.used, reverse=True)]}
    if missing:
        return _lacking(scene, Dimension.CORES, where, missing, evidence)
    return _summed_up(scene, Dimension.CORES, where, uses, parameters["statistic"], evidence)


async def _ratio(scene: Scene, component: Component, parameters: Mapping[str, Any], resource: str) -> Observation:
    bound = str(parameters["of"])
    where, running = await _running(scene, component)
    if not running:
        return scene.unseen(Dimension.RATIO, where, f"{component.workload} has no running pod")
    unbounded = [
        f"{pod['metadata']['name']}/{container['name']}"
        for pod in running
        for container in lasting_containers(pod["spec"])
        if not _bound_of(container, resource, bound)
    ]
    if unbounded:
        problem = f"no {resource} {bound}, so no ratio: {', '.join(unbounded)}"
        return scene.unseen(Dimension.RATIO, where, problem, remedy=f"set resources.{bound}s.{resource}")
    uses, missing = await _uses(scene, component, running, resource, lambda c: _bound_of(c, resource, bound))
    told = [
        _told(use, resource) | {f"{bound}_{_UNITS[resource]}": float(use.bound), "ratio": round(float(use.ratio), 4)}
        for use in sorted(uses, key=lambda use: use.ratio, reverse=True)
    ]
    evidence = {"of": bound, "uses": told}
    if missing:
        return _lacking(scene, Dimension.RATIO, where, missing, evidence)
    return _summed_up(scene, Dimension.RATIO, where, uses, parameters["statistic"], evidence)


def _bound_of(container: Object, resource: str, bound: str) -> Decimal:
    """A container's limit or request; 0 where it has none. A request that isn't said is the limit, as in Kubernetes."""
    resources = container.get("resources") or {}
    given = (resources.get(f"{bound}s") or {}).get(resource) or (resources.get("limits") or {}).get(resource) or 0
    return kube_quantity(given)


def _summed_up(
    scene: Scene, dimension: Dimension, where: str, uses: list[_Use], statistic: str, evidence: Mapping[str, Any]
) -> Observation:
    """The worst container's ratio, or that of all together: what they use over what they may use."""
    if statistic == "average":
        average = sum((use.used for use in uses), Decimal(0)) / sum((use.bound for use in uses), Decimal(0))
        return scene.seen(dimension, f"{where}: all together", round(average, 6), samples=len(uses), evidence=evidence)
    worst = max(uses, key=lambda use: use.ratio)
    spot = f"{where}: worst is {worst.pod}/{worst.container}"
    return scene.seen(dimension, spot, round(worst.ratio, 6), samples=len(uses), evidence=evidence)


def _lacking(
    scene: Scene, dimension: Dimension, where: str, missing: list[str], evidence: Mapping[str, Any]
) -> Observation:
    problem = f"no metrics for {', '.join(missing)}"
    remedy = "wait for the metrics server's next round, or look whether it runs"
    return scene.unseen(dimension, where, problem, remedy=remedy, evidence=evidence)


async def _running(scene: Scene, component: Component) -> tuple[str, list[Object]]:
    where = f"pod metrics of {component.workload} in namespace {component.namespace}"
    return where, await pods(scene, component)


async def _uses(
    scene: Scene, component: Component, running: list[Object], resource: str, bound: Callable[[Object], Decimal]
) -> tuple[list[_Use], list[str]]:
    """What each container uses, and those that there are no metrics of."""
    metrics = await _metrics(scene, component, running)
    uses, missing = [], []
    for pod in running:
        measured = metrics.get(pod["metadata"]["name"], {})
        for container in lasting_containers(pod["spec"]):
            name = container["name"]
            if name not in measured:
                missing.append(f"{pod['metadata']['name']}/{name} (running for {_age(scene, pod):.0f} s)")
                continue
            used = kube_quantity(measured[name][resource])
            uses.append(_Use(pod["metadata"]["name"], name, used, bound(container)))
    return uses, missing


def _told(use: _Use, resource: str) -> dict[str, Any]:
    return {"pod": use.pod, "container": use.container, f"used_{_UNITS[resource]}": float(use.used)}


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
                if (scene.clock.now() - datetime.fromisoformat(item["timestamp"])).total_seconds() < _FRESH
            }
            waiting = [p for p in running if p["metadata"]["name"] not in found and _age(scene, p) < _YOUNG]
            if not waiting or scene.clock.monotonic() > deadline:
                return found
            await asyncio.sleep(0.5)

    return await scene.once(("metrics", component.namespace, component.workload), look)


def _age(scene: Scene, pod: Object) -> float:
    started = (pod.get("status") or {}).get("startTime") or pod["metadata"]["creationTimestamp"]
    return (scene.clock.now() - datetime.fromisoformat(started)).total_seconds()
