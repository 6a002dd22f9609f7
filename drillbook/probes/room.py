"""Whether a system's namespaces have room: quotas near their end, and claims that found no volume."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from drillbook.clients.kube import Object, path_of
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene


async def quota_used_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Used over hard of the resource nearest to its end, among all quotas of the component's or system's namespaces."""
    namespaces = _namespaces(scene, component)
    where = f"quotas in namespace {', '.join(namespaces)}"
    quotas = await _all(scene, "resourcequotas", namespaces)
    uses, unknown = [], []
    for quota in quotas:
        status = quota.get("status") or {}
        for resource, hard in (quota["spec"].get("hard") or {}).items():
            if parameters["resource"] not in {None, resource}:
                continue
            name = f"{quota['metadata']['namespace']}/{quota['metadata']['name']} {resource}"
            used = (status.get("used") or {}).get(resource)
            if used is None:
                unknown.append(name)
            elif kube_quantity(hard) == 0:
                # A quota of nothing is kept for as long as nothing is used.
                uses.append({"quota": name, "used": used, "hard": hard, "ratio": float(kube_quantity(used) > 0)})
            else:
                ratio = round(float(kube_quantity(used) / kube_quantity(hard)), 6)
                uses.append({"quota": name, "used": used, "hard": hard, "ratio": ratio})
    uses.sort(key=lambda use: -use["ratio"])
    evidence = {"uses": uses, "not_counted_yet": unknown}
    if unknown:
        problem = f"nothing has counted yet what is used of {', '.join(unknown)}"
        return scene.unseen(Dimension.RATIO, where, problem, remedy="wait for the controller", evidence=evidence)
    if not uses:
        what = f" that limits {parameters['resource']}" if parameters["resource"] else ""
        problem = f"there is no quota{what} in namespace {', '.join(namespaces)}"
        return scene.unseen(Dimension.RATIO, where, problem, remedy="create a ResourceQuota")
    return scene.seen(
        Dimension.RATIO, f"quota {uses[0]['quota']}", uses[0]["ratio"], samples=len(uses), evidence=evidence
    )


async def claims_unbound(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """PersistentVolumeClaims that aren't Bound; one that waits for its first pod counts, and the evidence tells."""
    namespaces = _namespaces(scene, component)
    claims = await _all(scene, "persistentvolumeclaims", namespaces)
    phases = {f"{c['metadata']['namespace']}/{c['metadata']['name']}": _phase(c) for c in claims}
    unbound = [name for name, phase in phases.items() if phase != "Bound"]
    where = f"claims in namespace {', '.join(namespaces)}"
    spot = f"{where}: {', '.join(unbound)}" if unbound else where
    if not phases:
        problem = f"there is no claim in namespace {', '.join(namespaces)}"
        return scene.unseen(Dimension.COUNT, where, problem, remedy="look whether the policy's namespaces are right")
    return scene.seen(Dimension.COUNT, spot, len(unbound), samples=len(phases), evidence={"phases": phases})


def _phase(claim: Object) -> str:
    return str((claim.get("status") or {}).get("phase", "Pending"))


def _namespaces(scene: Scene, component: Component | None) -> tuple[str, ...]:
    return (component.namespace,) if component else scene.policy.namespaces


async def _all(scene: Scene, resource: str, namespaces: tuple[str, ...]) -> list[Object]:
    kube = await scene.kube()
    lists = await asyncio.gather(*(kube.list(path_of(resource, namespace)) for namespace in namespaces))
    return [item for items in lists for item in items]
