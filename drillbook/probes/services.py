"""Whether every Service of a system has somebody behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from drillbook.clients.kube import Object, path_of
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene


async def least_endpoints(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Ready endpoints of the Service that has the fewest, among those with a selector.

    With a component, only its own Service; without, every Service in the system's namespaces.
    """
    namespaces = (component.namespace,) if component else scene.policy.namespaces
    kube = await scene.kube()
    services, slices = await asyncio.gather(
        _all(scene, "services", namespaces), _all(scene, "endpointslices", namespaces)
    )
    counted = {
        f"{service['metadata']['namespace']}/{service['metadata']['name']}": _ready(service, slices)
        for service in services
        if (service.get("spec") or {}).get("selector")
        and (component is None or service["metadata"]["name"] == component.service)
    }
    where = f"Services with a selector in namespace {', '.join(namespaces)} at {kube.server}"
    if not counted:
        return scene.unseen(Dimension.COUNT, where, f"there is no such Service in namespace {', '.join(namespaces)}")
    worst = min(counted, key=lambda name: counted[name])
    return scene.seen(
        Dimension.COUNT, f"Service {worst}", counted[worst], samples=len(counted), evidence={"ready_endpoints": counted}
    )


async def _all(scene: Scene, resource: str, namespaces: tuple[str, ...]) -> list[Object]:
    kube = await scene.kube()
    lists = await asyncio.gather(*(kube.list(path_of(resource, namespace)) for namespace in namespaces))
    return [item for items in lists for item in items]


def _ready(service: Object, slices: list[Object]) -> int:
    """Distinct ready addresses in the Service's EndpointSlices; a missing ``ready`` means true, as the API says."""
    meta = service["metadata"]
    return len(
        {
            endpoint["targetRef"]["uid"] if endpoint.get("targetRef") else tuple(endpoint["addresses"])
            for found in slices
            if found["metadata"]["namespace"] == meta["namespace"]
            and (found["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == meta["name"]
            for endpoint in found.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready", True)
        }
    )
