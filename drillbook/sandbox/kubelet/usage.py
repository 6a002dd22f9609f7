"""What containers use: sampled each second from /proc, told as rates over the last seconds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.agent import NodeUsage, PodUsage
from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers.labels import labels_of
from drillbook.sandbox.kinds import NODE
from drillbook.sandbox.kubelet import processes
from drillbook.sandbox.stopped import is_stopped

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.container import Container
    from drillbook.sandbox.kubelet.pod_worker import PodWorker

EVERY: Final = 1.0
WINDOW: Final = 10.0


@dataclass
class Track:
    """One run of one container."""

    samples: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=round(WINDOW / EVERY) + 1))
    """Time and CPU seconds used until then."""
    memory_bytes: int = 0
    taken: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def window_seconds(self) -> float:
        return self.samples[-1][0] - self.samples[0][0]

    @property
    def cores(self) -> float:
        """CPU used per second over the window."""
        return max(0.0, self.samples[-1][1] - self.samples[0][1]) / self.window_seconds


class Sampler:
    """Samples the containers of all pods, and ends those above their memory limit."""

    def __init__(self, cluster: Cluster, workers: Mapping[str, PodWorker], orphans: Callable[[], list[int]]) -> None:
        self._cluster, self._workers, self._orphans = cluster, workers, orphans
        self._tracks: dict[str, Track] = {}

    async def run(self, tidy: Callable[[], None]) -> None:
        """Sample until cancelled; ``tidy`` is called each time too."""
        while True:
            try:
                self.sample()
                tidy()
            except Exception:
                log.exception("usage could not be sampled")
            await asyncio.sleep(EVERY)

    def sample(self) -> None:
        """Look at every running container once."""
        now = asyncio.get_running_loop().time()
        seen, orphans = {}, self._orphans()
        for worker in self._workers.values():
            for container in worker.containers:
                if container.running and container.process is not None:
                    track = self._tracks.get(container.id) or Track()
                    container.commands = [command for command in container.commands if command.running]
                    programs = [one.pid for one in (container.process, *container.commands)]
                    programs += container.leftovers(orphans)
                    use = processes.use_of([pid for one in programs for pid in processes.tree(one)])
                    track.samples.append((now, use.cpu_seconds))
                    track.memory_bytes, track.taken = use.memory_bytes, datetime.now(UTC)
                    seen[container.id] = track
                    self._hold_to_limit(container, use.memory_bytes)
        self._tracks = seen

    def track(self, container: Container) -> Track | None:
        """What is known of a container's present run: at least two samples, or None."""
        found = self._tracks.get(container.id)
        return found if found and len(found.samples) > 1 else None

    def pods(self) -> list[PodUsage]:
        """As metrics.k8s.io tells it: pods all of whose running containers were seen twice."""
        told = []
        for worker in self._workers.values():
            if not worker.awake.is_set():
                continue
            running = [c for c in worker.containers if c.running]
            tracks = [(c.name, self.track(c)) for c in running]
            known = {name: track for name, track in tracks if track is not None}
            if not known or len(known) < len(tracks):
                continue
            meta = worker.pod["metadata"]
            told.append(
                PodUsage(
                    meta["namespace"],
                    meta["name"],
                    labels_of(worker.pod),
                    max(track.taken for track in known.values()),
                    min(track.window_seconds for track in known.values()),
                    {name: (track.cores, track.memory_bytes) for name, track in known.items()},
                )
            )
        return told

    def nodes(self) -> list[NodeUsage]:
        """The sums over each node's pods."""
        by_name = {(usage.namespace, usage.name): usage for usage in self.pods()}
        told = []
        for node in self._cluster.store.list(NODE):
            name = node["metadata"]["name"]
            if is_stopped(node):
                continue
            here = [
                by_name[key]
                for worker in self._workers.values()
                if worker.pod["spec"]["nodeName"] == name
                and (key := (worker.pod["metadata"]["namespace"], worker.pod["metadata"]["name"])) in by_name
            ]
            told.append(
                NodeUsage(
                    name,
                    labels_of(node),
                    datetime.now(UTC),
                    WINDOW,
                    sum(cores for usage in here for cores, _ in usage.containers.values()),
                    sum(size for usage in here for _, size in usage.containers.values()),
                )
            )
        return told

    def _hold_to_limit(self, container: Container, memory_bytes: int) -> None:
        limit = ((container.spec.get("resources") or {}).get("limits") or {}).get("memory")
        if limit is not None and memory_bytes > parse(str(limit)):
            container.kill("OOMKilled")
