"""How full the persistent volumes of a workload are, as the kubelet that mounts them sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drillbook.clients.kube import Object
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.nodes import fullness, summary
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import pods


async def used_ratio(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """One less the share that is available, of the fullest volume: what is reserved for root counts as used.

    A volume is as full as its bytes or its inodes, whichever there is less of: without an inode no file can be made.
    """
    asked = needed(component, "volume.used_ratio")
    where = f"persistent volumes of {asked.workload} in namespace {asked.namespace}"
    running = [pod for pod in await pods(scene, asked) if _claims(pod)]
    if not running:
        return scene.unseen(Dimension.RATIO, where, f"no running pod of {asked.workload} has a persistent volume")
    placed = [(pod, pod["spec"]["nodeName"]) for pod in running if pod["spec"].get("nodeName")]
    nodes = sorted({node for _, node in placed})
    summaries = dict(zip(nodes, await asyncio.gather(*(summary(scene, node) for node in nodes)), strict=True))
    volumes = [volume for pod, node in placed for volume in _volumes(pod, summaries[node])]
    missing = sum(len(_claims(pod)) for pod in running) - len(volumes)
    if missing:
        problem = f"the kubelets of {', '.join(nodes) or 'no node'} report no capacity for {missing} of the volumes"
        return scene.unseen(Dimension.RATIO, where, problem, evidence={"volumes": volumes})
    fullest = max(volumes, key=lambda volume: _used(volume))
    spot = f"claim {fullest['claim']} of pod {fullest['pod']} in namespace {asked.namespace}"
    value = round(_used(fullest), 6)
    return scene.seen(Dimension.RATIO, spot, value, samples=len(volumes), evidence={"volumes": volumes})


def _claims(pod: Object) -> list[str]:
    volumes = pod["spec"].get("volumes") or ()
    return [volume["name"] for volume in volumes if "persistentVolumeClaim" in volume or "ephemeral" in volume]


def _volumes(pod: Object, summary: Object) -> list[dict[str, Any]]:
    """What the kubelet says of the pod's claims, those with a capacity."""
    uid = pod["metadata"]["uid"]
    stats: Object = next((p for p in summary.get("pods") or () if p["podRef"].get("uid") == uid), {})
    return [
        {
            "pod": pod["metadata"]["name"],
            "claim": volume["pvcRef"]["name"],
            "capacity_bytes": volume["capacityBytes"],
            "available_bytes": volume["availableBytes"],
            "used_bytes": volume.get("usedBytes"),
            "inodes": volume.get("inodes"),
            "inodes_free": volume.get("inodesFree"),
        }
        for volume in stats.get("volume") or ()
        if "pvcRef" in volume and volume.get("capacityBytes") and "availableBytes" in volume
    ]


def _used(volume: Mapping[str, Any]) -> Decimal:
    return fullness(volume["available_bytes"], volume["capacity_bytes"], volume["inodes_free"], volume["inodes"])
