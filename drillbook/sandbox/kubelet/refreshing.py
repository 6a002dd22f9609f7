"""ConfigMaps and Secrets that changed, in the files of the pods that mount them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.kinds import CONFIG_MAP, SECRET
from drillbook.sandbox.kubelet import volumes
from drillbook.sandbox.store import Change

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.pod_worker import PodWorker


class MountedFiles(Controller):
    """Keeps mounted files as their sources are: at once, where a real kubelet takes up to a minute and a half."""

    name = "mounted-files"
    watches = (CONFIG_MAP, SECRET)

    def __init__(self, cluster: Cluster, workers: Mapping[str, PodWorker]) -> None:
        super().__init__(cluster)
        self._workers = workers

    def keys(self, change: Change) -> Iterable[Key]:
        return [(change.namespace, "all")] if change.type == "MODIFIED" else []

    async def reconcile(self, key: Key) -> None:
        for worker in list(self._workers.values()):
            if worker.pod["metadata"]["namespace"] == key[0]:
                volumes.refresh(self.store, worker.pod, worker.mounted)
