"""How volumes and disks are filled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.kube import path_of
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


@asynccontextmanager
async def full_disk(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A node's disk is told fuller than the machine's is, which all simulated nodes share."""
    from drillbook.sandbox.ballast import ANNOTATION

    node = (await stage.kube.list(path_of("nodes")))[0]["metadata"]["name"]
    disk = (await stage.kube.get(f"/api/v1/nodes/{node}/proxy/stats/summary"))["node"]["fs"]
    size = _beyond(objective, disk)
    async with stage.changed(path_of("nodes", name=node), {"metadata": {"annotations": {ANNOTATION: str(size)}}}):
        yield Planted(f"disk of node {node}: {render(Decimal(size), Dimension.BYTES)} less room")


async def _missing(stage: Stage, objective: Objective, pod: dict[str, Any]) -> int:
    """Bytes to be written until the pod's volume is beyond the limit."""
    node = pod["spec"]["nodeName"]
    told = await stage.kube.get(f"/api/v1/nodes/{node}/proxy/stats/summary")
    volumes = next(p["volume"] for p in told["pods"] if p["podRef"]["uid"] == pod["metadata"]["uid"])
    volume = next(v for v in volumes if "pvcRef" in v)
    if not volume.get("capacityBytes"):
        raise Unplantable(f"{objective.id}: the volumes here end at no size of their own, so none can be filled")
    return _beyond(objective, volume)


def _beyond(objective: Objective, disk: dict[str, Any]) -> int:
    """Bytes by which a file system is to get fuller to be a hundredth beyond the limit."""
    share = min(number_beyond(objective, "0.0001") + Decimal("0.01"), Decimal("0.999"))
    return int(share * disk["capacityBytes"] - (disk["capacityBytes"] - disk["availableBytes"]))


VIOLATIONS: Final = (Violation("volume.used_ratio", full_volume), Violation("node.disk_ratio", full_disk))
