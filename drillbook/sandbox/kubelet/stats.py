"""The kubelet's ``/stats/summary``: what nodes and pods use, and how full volumes are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.clock import iso
from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.kinds import CLAIM, Object
from drillbook.sandbox.kubelet.usage import Sampler, Track
from drillbook.sandbox.kubelet.volumes import Mounted

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.pod_worker import PodWorker


def summary(cluster: Cluster, node: str, workers: Sequence[PodWorker], sampler: Sampler) -> Object:
    """The summary of one node."""
    here = [worker for worker in workers if worker.pod["spec"]["nodeName"] == node]
    usage = next((n for n in sampler.nodes() if n.name == node), None)
    disk = os.statvfs(cluster.state)
    return {
        "node": {
            "nodeName": node,
            "cpu": {
                "time": iso(usage.timestamp) if usage else None,
                "usageNanoCores": round(usage.cores * 1e9) if usage else 0,
            },
            "memory": {"workingSetBytes": usage.bytes if usage else 0},
            "fs": {
                "availableBytes": disk.f_bavail * disk.f_frsize,
                "capacityBytes": disk.f_blocks * disk.f_frsize,
                "usedBytes": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
                "inodes": disk.f_files,
                "inodesFree": disk.f_ffree,
                "inodesUsed": disk.f_files - disk.f_ffree,
            },
        },
        "pods": [_pod(cluster, worker, sampler) for worker in here],
    }


def _pod(cluster: Cluster, worker: PodWorker, sampler: Sampler) -> Object:
    meta = worker.pod["metadata"]
    return {
        "podRef": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
        "startTime": (worker.pod.get("status") or {}).get("startTime"),
        "containers": [
            {"name": c.name} | _container(track) for c in worker.main if (track := sampler.track(c)) is not None
        ],
        "volume": [_volume(cluster, meta["namespace"], volume) for volume in worker.mounted.values()],
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


def _volume(cluster: Cluster, namespace: str, volume: Mounted) -> Object:
    disk = os.statvfs(volume.folder)
    used, files = used_by(volume.folder)
    free = disk.f_bavail * disk.f_frsize
    capacity = disk.f_blocks * disk.f_frsize
    told: Object = {"name": volume.name}
    if volume.claim:
        told["pvcRef"] = {"name": volume.claim, "namespace": namespace}
        claim = cluster.store.get(CLAIM, namespace, volume.claim)
        size = ((claim or {}).get("status") or {}).get("capacity", {}).get("storage")
        if size is not None:
            capacity = int(parse(str(size)))
            free = min(free, max(0, capacity - used))
    return told | {
        "usedBytes": used,
        "capacityBytes": capacity,
        "availableBytes": free,
        "inodes": disk.f_files,
        "inodesFree": disk.f_ffree,
        "inodesUsed": files,
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
