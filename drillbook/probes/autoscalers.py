"""HorizontalPodAutoscalers: how many there are for a workload, and what they may do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from drillbook.clients.kube import Object, path_of
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed


async def count(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Autoscalers that scale the component's workload; without a component, those of the system's namespaces."""
    found, where = await _found(scene, component)
    return scene.seen(Dimension.COUNT, where, len(found), evidence={"autoscalers": [_told(one) for one in found]})


async def min_replicas(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """The fewest replicas that the workload's autoscaler keeps; Kubernetes' own default, 1, where it doesn't say."""
    asked = needed(component, "autoscaler.min_replicas")
    return await _agreed(scene, asked, Dimension.COUNT, lambda one: Decimal(one["spec"].get("minReplicas", 1)), "")


async def max_replicas(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """The most replicas that the workload's autoscaler goes to."""
    asked = needed(component, "autoscaler.max_replicas")
    return await _agreed(scene, asked, Dimension.COUNT, lambda one: Decimal(one["spec"]["maxReplicas"]), "")


async def cpu_target(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """CPU use over request, averaged over the pods, that the workload's autoscaler steers to."""
    asked = needed(component, "autoscaler.cpu_target")
    return await _agreed(scene, asked, Dimension.RATIO, lambda one: _target(one, "cpu"), "a target for cpu")


async def memory_target(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Memory use over request, averaged over the pods, that the workload's autoscaler steers to."""
    asked = needed(component, "autoscaler.memory_target")
    return await _agreed(scene, asked, Dimension.RATIO, lambda one: _target(one, "memory"), "a target for memory")


async def _agreed(
    scene: Scene, component: Component, dimension: Dimension, value: Callable[[Object], Decimal | None], what: str
) -> Observation:
    """What the workload's autoscalers say; where two say different things, nobody knows which one is in force."""
    found, where = await _found(scene, component)
    evidence = {"autoscalers": [_told(one) for one in found]}
    if not found:
        problem = f"no autoscaler scales {component.workload} in namespace {component.namespace}"
        return scene.unseen(dimension, where, problem, remedy="create one", evidence=evidence)
    said = {number for one in found if (number := value(one)) is not None}
    if not said:
        problem = f"{where} has no {what} as a share of the request"
        return scene.unseen(
            dimension, where, problem, remedy="add a Resource metric of type Utilization", evidence=evidence
        )
    if len(said) > 1:
        problem = f"{len(found)} autoscalers scale {component.workload} and say different things"
        return scene.unseen(dimension, where, problem, remedy="leave one of them", evidence=evidence)
    return scene.seen(dimension, where, said.pop(), samples=len(found), evidence=evidence)


def _target(one: Object, resource: str) -> Decimal | None:
    for metric in one["spec"].get("metrics") or ():
        target = (metric.get("resource") or {}).get("target") or {}
        if (metric.get("resource") or {}).get("name") == resource and target.get("type") == "Utilization":
            return Decimal(target["averageUtilization"]) / 100
    return None


async def _found(scene: Scene, component: Component | None) -> tuple[list[Object], str]:
    namespaces = (component.namespace,) if component else scene.policy.namespaces
    kube = await scene.kube()
    lists = await asyncio.gather(*(kube.list(path_of("horizontalpodautoscalers", one)) for one in namespaces))
    found = [one for items in lists for one in items if component is None or _scales(one, component)]
    names = ", ".join(one["metadata"]["name"] for one in found) or "none"
    of = f" of {component.workload}" if component and component.workload else ""
    return found, f"autoscalers{of} in namespace {', '.join(namespaces)}: {names}"


def _scales(one: Object, component: Component) -> bool:
    target, given = one["spec"]["scaleTargetRef"], component.workload
    return given is None or (target["kind"].lower(), target["name"]) == (given.kind, given.name)


def _told(one: Object) -> dict[str, Any]:
    target = one["spec"]["scaleTargetRef"]
    conditions = (one.get("status") or {}).get("conditions") or ()
    return {
        "name": one["metadata"]["name"],
        "scales": f"{target['kind']}/{target['name']}",
        "min": one["spec"].get("minReplicas", 1),
        "max": one["spec"]["maxReplicas"],
        "metrics": one["spec"].get("metrics") or [],
        "conditions": {condition["type"]: condition["status"] for condition in conditions},
    }
