"""What a workload was given: its ready replicas, and the requests and limits in its pod template."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from drillbook.clients.kube import Object, path_of, selector_text
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed

_OBSERVED_WITHIN: Final = 3.0
"""Seconds to wait for a controller that hasn't seen the newest specification yet."""


async def workload(scene: Scene, component: Component) -> Object:
    """The component's workload as the API has it. Raises Unreachable where it isn't there."""
    given = component.workload
    if given is None:
        raise ConfigError(f"component {component.id!r} has no workload in the policy")

    async def look() -> Object:
        kube = await scene.kube()
        found = await kube.find(path_of(f"{given.kind}s", component.namespace, given.name))
        if found is None:
            raise Unreachable(f"{given} of component {component.id!r} isn't in namespace {component.namespace}")
        return found

    return await scene.once(("workload", component.namespace, given), look)


async def pods(scene: Scene, component: Component) -> list[Object]:
    """The workload's pods that are meant to run: not those being deleted, nor those that have ended."""
    owner = await workload(scene, component)

    async def look() -> list[Object]:
        kube = await scene.kube()
        labels = selector_text(owner["spec"]["selector"])
        found = await kube.list(path_of("pods", component.namespace), labels=labels)
        return [
            pod
            for pod in found
            if "deletionTimestamp" not in pod["metadata"]
            and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
        ]

    return await scene.once(("pods", component.namespace, component.workload), look)


def lasting_containers(spec: Object) -> list[Object]:
    """The containers of a pod that run as long as it does: its own, and the init containers that are sidecars."""
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *sidecars]


async def ready_replicas(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """How many replicas are ready, by the workload's status, once its controller has seen the newest specification."""
    asked = needed(component, "workload.ready_replicas")
    found = await workload(scene, asked)
    where = _where(asked)
    deadline = scene.clock.monotonic() + _OBSERVED_WITHIN
    while not _is_observed(found) and scene.clock.monotonic() < deadline:
        await asyncio.sleep(0.2)
        kube = await scene.kube()
        found = await kube.get(path_of(f"{asked.workload.kind}s", asked.namespace, asked.workload.name))  # type: ignore[union-attr]
    status = found.get("status") or {}
    evidence = {
        "wanted": (found.get("spec") or {}).get("replicas", 1),
        "ready": status.get("readyReplicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "available": status.get("availableReplicas", 0),
        "generation": found["metadata"].get("generation"),
        "observed_generation": status.get("observedGeneration"),
    }
    if not _is_observed(found):
        problem = "the controller has not looked at the newest specification yet: its status is of an older one"
        return scene.unseen(
            Dimension.COUNT, where, problem, remedy="wait for the rollout to be seen", evidence=evidence
        )
    return scene.seen(Dimension.COUNT, where, int(evidence["ready"]), evidence=evidence)


async def desired_replicas(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """How many replicas the specification asks for, ready or not; Kubernetes' own default, 1, where it doesn't say."""
    asked = needed(component, "workload.desired_replicas")
    found = await workload(scene, asked)
    wanted = int((found.get("spec") or {}).get("replicas", 1))
    ready = (found.get("status") or {}).get("readyReplicas", 0)
    return scene.seen(Dimension.COUNT, _where(asked), wanted, evidence={"wanted": wanted, "ready": ready})


def _is_observed(found: Object) -> bool:
    observed = (found.get("status") or {}).get("observedGeneration", 0)
    return int(observed) >= int(found["metadata"].get("generation", 0))


async def cpu(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The CPU request or limit of a container in the pod template, in cores, exactly."""
    return await _resource(scene, needed(component, "workload.cpu"), parameters, "cpu", Dimension.CORES)


async def memory(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The memory request or limit of a container in the pod template, in bytes, exactly."""
    return await _resource(scene, needed(component, "workload.memory"), parameters, "memory", Dimension.BYTES)


async def _resource(
    scene: Scene, component: Component, parameters: Mapping[str, Any], resource: str, dimension: Dimension
) -> Observation:
    found = await workload(scene, component)
    container = chosen_container(found, component, parameters.get("container"))
    bound = parameters["bound"]
    resources = container.get("resources") or {}
    given = resources.get(f"{bound}s") or {}
    field = f"resources.{bound}s.{resource}"
    where = f"{_where(component)} container {container['name']} {field}"
    evidence = {"container": container["name"], "resources": resources}
    if resource in given:
        return scene.seen(dimension, where, kube_quantity(given[resource]), evidence=evidence)
    if bound == "request" and resource in (resources.get("limits") or {}):
        # Kubernetes' own default for pods: a request that isn't said is the limit.
        implied = kube_quantity(resources["limits"][resource])
        return scene.seen(dimension, where, implied, evidence=evidence | {"implied_by": "the limit"})
    problem = f"container {container['name']} has no {field}"
    return scene.unseen(dimension, where, problem, remedy=f"set {field}", evidence=evidence)


def chosen_container(found: Object, component: Component, wanted: str | None) -> Object:
    """The container that a parameter names, else the only one, else the one called like the workload."""
    containers = lasting_containers(found["spec"]["template"]["spec"])
    names = [container["name"] for container in containers]
    name = wanted or (names[0] if len(names) == 1 else component.workload.name if component.workload else "")
    if name not in names:
        hint = f"no container {wanted!r}" if wanted else "several containers, and the objective doesn't say which"
        raise ConfigError(
            f"{_where(component)} has {hint}: expected parameter container to be one of {', '.join(names)}"
        )
    return containers[names.index(name)]


def _where(component: Component) -> str:
    return f"{component.workload} in namespace {component.namespace}"
