"""Whether an Ingress was given an address: without one, nobody's name leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillbook.clients.kube import path_of
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed


async def addresses(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Addresses in the Ingress's status; 0 while no controller serves it, however good its rules look."""
    asked = needed(component, "ingress.addresses")
    where = f"Ingress {asked.namespace}/{asked.ingress}"
    kube = await scene.kube()
    found = await kube.find(path_of("ingresses", asked.namespace, asked.ingress))
    if found is None:
        raise Unreachable(f"{where} of component {asked.id!r} isn't there")
    points = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    given = [address for point in points if (address := point.get("ip") or point.get("hostname"))]
    evidence = {"addresses": given, "class": (found.get("spec") or {}).get("ingressClassName")}
    return scene.seen(Dimension.COUNT, where, len(set(given)), evidence=evidence)
