"""How volumes and disks are filled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

from drillbook.model.policy import Objective
from drillbook.model.quantity import Dimension, render
from drillbook.proof.beyond import number_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_NAME: Final = "drillbook-proof.fill"


@asynccontextmanager
async def full_volume(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A file in the component's persistent volume that takes the room up to just beyond the limit."""
    component = stage.component(objective)
    pod = (await stage.pods(component))[0]
    claims = {v["name"] for v in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in v}
    mounted = [
        (container["name"], mount["mountPath"])
        for container in pod["spec"]["containers"]
        for mount in container.get("volumeMounts") or ()
        if mount["name"] in claims
    ]
    if not mounted:
        raise Unplantable(f"{objective.id}: no container of {component.workload} mounts a persistent volume")
    container, path = mounted[0]
    size = await _missing(stage, objective, pod)
    file = f"{path}/{_NAME}"
    await stage.shell(component, f"fallocate -l {size} {file}", container=container)
    try:
        room = render(Decimal(size), Dimension.BYTES)
        yield Planted(f"{file} in pod {pod['metadata']['name']}: {room}", stage.asking("node.disk_ratio"))
    finally:
        await stage.shell(component, f"rm -f {file}", container=container)


async def _missing(stage: Stage, objective: Objective, pod: dict[str, Any]) -> int:
    """Bytes to be written until the fullest volume of the pod is a hundredth beyond the limit."""
    node = pod["spec"]["nodeName"]
    told = await stage.kube.get(f"/api/v1/nodes/{node}/proxy/stats/summary")
    volumes = next(p["volume"] for p in told["pods"] if p["podRef"]["uid"] == pod["metadata"]["uid"])
    volume = next(v for v in volumes if "pvcRef" in v)
    if not volume.get("capacityBytes"):
        raise Unplantable(f"{objective.id}: the volumes here end at no size of their own, so none can be filled")
    share = min(number_beyond(objective, "0.0001") + Decimal("0.01"), Decimal("0.999"))
    return int(share * volume["capacityBytes"] - (volume["capacityBytes"] - volume["availableBytes"]))


VIOLATIONS: Final = (Violation("volume.used_ratio", full_volume),)
