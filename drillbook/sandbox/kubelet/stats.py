"""The kubelet's ``/stats/summary``: what nodes and pods use, and how full volumes are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.clock import iso
from drillbook.sandbox.ballast import with_ballast
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.pods import is_finished
from drillbook.sandbox.kinds import NODE, Object
from drillbook.sandbox.kubelet.usage import Sampler, Track
from drillbook.sandbox.kubelet.volumes import Mounted

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.pod_worker import PodWorker


async def summary(cluster: Cluster, node: str, workers: Sequence[PodWorker], sampler: Sampler) -> Object:
    """The summary of one node, with the pods on it that aren't over."""
    here = [w for w in workers if w.pod["spec"]["nodeName"] == node and not is_finished(w.pod)]
    usage = next((n for n in sampler.nodes() if n.name == node), None)
    return {
        "node": {
            "nodeName": node,
            "cpu": {
                "time": iso(usage.timestamp) if usage else None,
                "usageNanoCores": round(usage.cores * 1e9) if usage else 0,
            },
            "memory": {"workingSetBytes": usage.bytes if usage else 0},
            "fs": with_ballast(_file_system(cluster.state), cluster.store.get(NODE, "", node)),
        },
        "pods": [await _pod(cluster, worker, sampler) for worker in here],
    }


async def _pod(cluster: Cluster, worker: PodWorker, sampler: Sampler) -> Object:
    meta = worker.pod["metadata"]
    measured = [volume for volume in worker.mounted.values() if volume.measured]
    return {
        "podRef": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
        "startTime": (worker.pod.get("status") or {}).get("startTime"),
        "containers": [
            {"name": c.name} | _container(track) for c in worker.main if (track := sampler.track(c)) is not None
        ],
        "volume": [await _volume(cluster, meta["namespace"], volume) for volume in measured],
    }


def _container(track: Track) -> Object:
    time = iso(track.taken)
    return {
        "cpu": {
            "time": time,
            "usageNanoCores": round(track.cores * 1e9),
            "usageCoreNanoSeconds": round(track.samples[-1][1] * 1e9),
        },
        "memory": {"time": time, "workingSetBytes": track.memory_bytes, "rssBytes": track.memory_bytes},
    }


async def _volume(cluster: Cluster, namespace: str, volume: Mounted) -> Object:
    told: Object = {"name": volume.name}
    if volume.claim:
        told["pvcRef"] = {"name": volume.claim, "namespace": namespace}
    if cluster.disks.is_limited(volume.folder):
        return told | _file_system(volume.folder)
    used, files = await asyncio.to_thread(used_by, volume.folder)  # nobody knows how much there is to look at
    told |= {"usedBytes": used, "inodesUsed": files}
    if volume.sized:  # a capacity that nothing holds it to would be taken for a real one
        return told
    return _file_system(volume.folder) | told


def _file_system(folder: Path) -> Object:
    try:
        disk = os.statvfs(folder)
    except FileNotFoundError:  # its pod has gone meanwhile
        return {}
    return {
        "availableBytes": disk.f_bavail * disk.f_frsize,
        "capacityBytes": disk.f_blocks * disk.f_frsize,
        "usedBytes": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
        "inodes": disk.f_files,
        "inodesFree": disk.f_ffree,
        "inodesUsed": disk.f_files - disk.f_ffree,
    }


def used_by(folder: Path) -> tuple[int, int]:
    """Bytes on disk and number of entries below a folder."""
    size = count = 0
    for place, folders, names in os.walk(folder):
        count += len(folders) + len(names)
        for name in names:
            try:
                size += os.lstat(f"{place}/{name}").st_blocks * 512
            except OSError:  # it went while we looked
                continue
    return size, count
