"""The memory that a container may use, as its pod says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.faults.places import Place

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube


async def memory_limit(kube: Kube, place: Place) -> int:
    """Bytes. Raises Refused where there is no limit: what fills it would fill the node."""
    from drillbook.clients.kube import path_of
    from drillbook.clients.kube_quantity import kube_quantity

    pod = await kube.get(path_of("pods", place.namespace, place.pod))
    container = next(one for one in pod["spec"]["containers"] if one["name"] == place.container)
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    if limit is None:
        raise Refused(f"{place} has no memory limit, so filling its memory would take the node along")
    return int(kube_quantity(limit))
