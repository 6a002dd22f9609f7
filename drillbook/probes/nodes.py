"""The nodes of the cluster: which aren't ready, and how full their disks are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drillbook.clients.kube import Object, path_of
from drillbook.errors import DrillbookError
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene


async def not_ready(scene: Scene, _component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Nodes whose condition Ready isn't True; Unknown, which a silent kubelet leaves, is not True either."""
    nodes, where = await _nodes(scene)
    conditions = {node["metadata"]["name"]: _ready(node) for node in nodes}
    if not conditions:
        return scene.unseen(Dimension.COUNT, where, "the cluster shows no node", remedy="grant list nodes")
    bad = [name for name, ready in conditions.items() if ready != "True"]
    spot = f"{where}: {', '.join(bad)}" if bad else where
    cordoned = [node["metadata"]["name"] for node in nodes if (node.get("spec") or {}).get("unschedulable")]
    evidence = {"ready": conditions, "cordoned": cordoned}
    return scene.seen(Dimension.COUNT, spot, len(bad), samples=len(conditions), evidence=evidence)


def _ready(node: Object) -> str:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return next((str(one["status"]) for one in conditions if one["type"] == "Ready"), "Unknown")


async def disk_ratio(scene: Scene, _component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """One less the share that is available of the fullest node's file system: root's reserve counts as used.

    As each kubelet says. A node that doesn't say could be full: then the value is no more than a lower bound.
    """
    nodes, where = await _nodes(scene)
    names = [node["metadata"]["name"] for node in nodes]
    answers = await asyncio.gather(*(summary(scene, name) for name in names), return_exceptions=True)
    disks, silent = [], []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, BaseException) and not isinstance(answer, DrillbookError):
            raise answer
        disk = {} if isinstance(answer, BaseException) else (answer.get("node") or {}).get("fs") or {}
        if disk.get("capacityBytes") and "availableBytes" in disk:
            disks.append(_told(name, disk))
        else:
            said = str(answer) if isinstance(answer, BaseException) else "its kubelet reports no capacity"
            silent.append({"node": name, "problem": said})
    evidence = {"disks": disks, "silent": silent}
    if not disks:
        problem = silent[0]["problem"] if silent else "the cluster shows no node"
        return scene.unseen(Dimension.RATIO, where, problem, remedy="grant get nodes/proxy", evidence=evidence)
    fullest = max(disks, key=lambda disk: disk["used_ratio"])
    return scene.seen(
        Dimension.RATIO,
        f"file system of node {fullest['node']}",
        fullest["used_ratio"],
        low=fullest["used_ratio"],
        high=1 if silent else fullest["used_ratio"],
        samples=len(disks),
        remedy=f"look at the kubelets of {', '.join(one['node'] for one in silent)}" if silent else "",
        evidence=evidence,
    )


def _told(node: str, disk: Object) -> dict[str, Any]:
    used = fullness(disk["availableBytes"], disk["capacityBytes"], disk.get("inodesFree"), disk.get("inodes"))
    return {
        "node": node,
        "capacity_bytes": disk["capacityBytes"],
        "available_bytes": disk["availableBytes"],
        "used_ratio": round(float(used), 6),
        "inodes": disk.get("inodes"),
        "inodes_free": disk.get("inodesFree"),
    }


def fullness(available: int, capacity: int, inodes_free: int | None, inodes: int | None) -> Decimal:
    """The share that is taken, of bytes or of inodes; a file system that counts no inodes has as many as it likes."""
    used = 1 - Decimal(available) / Decimal(capacity)
    if not inodes or inodes_free is None:
        return used
    return max(used, 1 - Decimal(inodes_free) / Decimal(inodes))


async def summary(scene: Scene, node: str) -> Object:
    """What a node's kubelet says of its pods and disks, asked once."""

    async def look() -> Object:
        return await (await scene.kube()).get(f"/api/v1/nodes/{node}/proxy/stats/summary")

    return await scene.once(("summary", node), look)


async def _nodes(scene: Scene) -> tuple[list[Object], str]:
    kube = await scene.kube()
    return await scene.once("nodes", lambda: kube.list(path_of("nodes"))), f"nodes at {kube.server}"
