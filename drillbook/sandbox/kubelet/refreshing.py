"""ConfigMaps and Secrets that changed and tokens that grow old, in the files of the pods that mount them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key
from drillbook.sandbox.kinds import CONFIG_MAP, SECRET
from drillbook.sandbox.kubelet import volumes
from drillbook.sandbox.store import Change

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.pod_worker import PodWorker

EVERYWHERE: Final = ("", "all")
TOKENS_LOOKED_AT: Final = 60.0
"""Seconds between two looks at whether tokens must be made anew: none lives for less than ten minutes."""


class MountedFiles(Controller):
    """Keeps mounted files as their sources are: at once, where a real kubelet takes up to a minute and a half."""

    name = "mounted-files"
    watches = (CONFIG_MAP, SECRET)

    def __init__(self, cluster: Cluster, workers: Mapping[str, PodWorker]) -> None:
        super().__init__(cluster)
        self._workers = workers

    async def run(self) -> None:
        self.queue.add(EVERYWHERE)
        await super().run()

    def keys(self, change: Change) -> Iterable[Key]:
        return [(change.namespace, "all")] if change.type == "MODIFIED" else []

    async def reconcile(self, key: Key) -> None:
        for worker in list(self._workers.values()):
            if key == EVERYWHERE or worker.pod["metadata"]["namespace"] == key[0]:
                volumes.refresh(self.cluster, worker.pod, worker.mounted)
        if key == EVERYWHERE:
            self.queue.add_after(key, TOKENS_LOOKED_AT)
