"""Pods that write more into an emptyDir than its ``sizeLimit`` are evicted, as a kubelet does it: on its next look."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers.pods import is_finished
from drillbook.sandbox.kubelet.stats import used_by

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.pod_worker import PodWorker

EVERY: Final = 10.0
"""Seconds between two looks."""


async def watch(cluster: Cluster, workers: Mapping[str, PodWorker]) -> None:
    """Look at every pod again and again, until cancelled."""
    while True:
        await asyncio.sleep(EVERY)
        for worker in list(workers.values()):
            if worker.awake.is_set() and not is_finished(worker.pod):
                try:
                    await look(cluster, worker)
                except OSError:
                    log.exception("the volumes of %s could not be looked at", worker.pod["metadata"]["name"])


async def look(cluster: Cluster, worker: PodWorker) -> None:
    """Evict the pod if one of its emptyDirs holds too much."""
    for name, folder, limit in _limited(worker):
        if await _exceeds(cluster, folder, limit):
            message = f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
            worker.say("warning", "Evicted", message)
            worker.fail("Evicted", message)
            return


def _limited(worker: PodWorker) -> Iterator[tuple[str, Path, str]]:
    """Name, folder and limit of each; one in memory ends at its limit and can't exceed it."""
    for volume in worker.pod["spec"].get("volumes") or ():
        source, mounted = volume.get("emptyDir") or {}, worker.mounted.get(volume["name"])
        if mounted and parse(str(source.get("sizeLimit") or 0)) and source.get("medium") != "Memory":
            yield volume["name"], mounted.folder, str(source["sizeLimit"])


async def _exceeds(cluster: Cluster, folder: Path, limit: str) -> bool:
    if cluster.disks.is_limited(folder):  # it ends there: full is all that can be seen of a pod that wanted more
        return os.statvfs(folder).f_bfree == 0
    used, _ = await asyncio.to_thread(used_by, folder)
    return used > parse(limit)
