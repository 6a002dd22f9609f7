"""The kubelet of all nodes: a worker for each pod that is bound to one, and the API server's view of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Final

from drillbook.sandbox.agent import NodeUsage, PodUsage
from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers.pods import is_terminating
from drillbook.sandbox.kinds import NODE, POD, Object
from drillbook.sandbox.kubelet import eviction, ownership, process, processes
from drillbook.sandbox.kubelet.attaching import Attached
from drillbook.sandbox.kubelet.container import Container
from drillbook.sandbox.kubelet.exec_session import RunningCommand, start_command
from drillbook.sandbox.kubelet.isolation import Isolation
from drillbook.sandbox.kubelet.pod_worker import Hosts, PodWorker, Resolve
from drillbook.sandbox.kubelet.process import StartError
from drillbook.sandbox.kubelet.refreshing import MountedFiles
from drillbook.sandbox.kubelet.stats import summary
from drillbook.sandbox.kubelet.surroundings import CONTAINER_MARK
from drillbook.sandbox.kubelet.usage import Sampler
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.stopped import check_kubelet, is_stopped, stands_still

BURIAL: Final = 1.0
"""Seconds that programs get at the end of the sandbox, all together."""


class Kubelet:
    """Implements the NodeAgent that the API server asks."""

    def __init__(self, cluster: Cluster, isolation: Isolation, resolve: Resolve, hosts: Hosts) -> None:
        self.cluster, self.isolation, self._resolve, self._hosts = cluster, isolation, resolve, hosts
        self.workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sampler = Sampler(cluster, self.workers, self.orphans)
        self._asleep: set[str] = set()

    async def run(self) -> None:
        """Look after pods until cancelled; then none of their processes is left."""
        changes = self.cluster.store.subscribe(POD, NODE)
        beside = [
            asyncio.create_task(self._sampler.run(self._tidy), name="usage sampler"),
            asyncio.create_task(MountedFiles(self.cluster, self.workers).run(), name="mounted files"),
            asyncio.create_task(eviction.watch(self.cluster, self.workers), name="eviction"),
        ]
        try:
            for node in self.cluster.store.list(NODE):
                self._note(node)
            for pod in self.cluster.store.list(POD):
                self._see(pod)
            while True:
                change = await changes.next()
                if change.kind is NODE:
                    self._note(change.object)
                elif change.type == "DELETED":
                    self._end(change.object["metadata"]["uid"], 0.0)
                else:
                    self._see(change.object)
        finally:
            changes.close()
            for task in beside:
                task.cancel()
            if not self.isolation.namespaces:
                await self._ask_to_end()
            for worker in self.workers.values():
                worker.kill()

    async def bury(self) -> None:
        """Wait, for a moment, until every child is gone for good, those too that their parents' death made ours."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BURIAL
        while processes.children_of(os.getpid()) and loop.time() < until:
            for orphan in self.orphans():
                processes.kill(orphan)
            self._tidy()
            await asyncio.sleep(0.01)

    async def _ask_to_end(self) -> None:
        """Without an IPC space of its own a program must clear its shared memory away itself."""
        running = [c for worker in self.workers.values() for c in worker.containers if c.process and c.running]
        for container in running:
            container.signal_stop()
        ends = [c.process.exited for c in running if c.process]
        if ends:
            await asyncio.wait(ends, timeout=BURIAL)

    def _note(self, node: Object) -> None:
        """A node's kubelet stops, or comes back and catches up with what it missed."""
        name = node["metadata"]["name"]
        if is_stopped(node) == (name in self._asleep):
            return
        here = [worker for worker in self.workers.values() if worker.pod["spec"]["nodeName"] == name]
        if is_stopped(node):
            self._asleep.add(name)
            for worker in here:
                worker.fall_asleep()
            return
        self._asleep.remove(name)
        pods = [pod for pod in self.cluster.store.list(POD) if pod["spec"].get("nodeName") == name]
        there = {pod["metadata"]["uid"] for pod in pods}
        for worker in here:
            worker.wake_up()
            if worker.uid not in there:
                worker.stop(0.0)
        for pod in pods:
            self._see(pod)

    def _see(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        node = pod["spec"].get("nodeName") or ""
        if node in self._asleep or stands_still(self.cluster.store, node):
            return
        worker = self.workers.get(uid)
        if is_terminating(pod):
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds", 30))
            if worker is not None:
                self._end(uid, grace)
            elif uid not in self._tasks and not pod["metadata"].get("finalizers"):
                self._drop(pod)
            return
        if worker is not None:
            worker.resize(pod["spec"])
        elif pod["spec"].get("nodeName") in self.cluster.addresses.nodes:
            self._begin(pod)

    def _drop(self, pod: Object) -> None:
        """A pod that is to go and has never run, or has run to its end before this kubelet knew it."""
        stored = self.cluster.store.get(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if stored is not None and stored["metadata"]["uid"] == pod["metadata"]["uid"]:
            self.cluster.store.remove(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _begin(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        try:
            worker = PodWorker(self.cluster, self.isolation, self._resolve, self._hosts, self.orphans, pod)
        except Exception:
            log.exception("pod %s can't be looked after", pod["metadata"]["name"])
            return
        self.workers[uid] = worker
        task = asyncio.create_task(worker.run(), name=f"pod worker {pod['metadata']['name']}")
        self._tasks[uid] = task
        task.add_done_callback(lambda done: self._gone(uid, done))

    def _gone(self, uid: str, done: asyncio.Task[None]) -> None:
        self.workers.pop(uid, None)
        self._tasks.pop(uid, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("pod worker %s failed", uid, exc_info=error)

    def _end(self, uid: str, grace_seconds: float) -> None:
        worker = self.workers.get(uid)
        if worker is not None and worker.awake.is_set():
            worker.stop(grace_seconds)

    def orphans(self) -> list[int]:
        """Children that this process inherited: their parents, inside some container, have ended."""
        children = processes.children_of(os.getpid())
        return [] if process.births else [pid for pid in children if pid not in process.known]

    def _tidy(self) -> None:
        """Let inherited children that have ended go, and end those whose container has."""
        orphans = self.orphans()
        running = {c.id for worker in self.workers.values() for c in worker.containers if c.running}
        for pid in orphans:
            if processes.is_running(pid):
                home = processes.variable(pid, CONTAINER_MARK)
                if home is not None and home not in running:
                    processes.kill_tree(pid)
                continue
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # the event loop was faster
                continue

    # What the API server asks

    def logs(
        self,
        pod: Object,
        container: str,
        *,
        follow: bool,
        tail: int | None,
        since: datetime | None,
        previous: bool,
        timestamps: bool,
        limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:
        """A container's output. ApiError 400 when it has not started, or has no earlier run."""
        found = self._container(pod, container)
        where = f'container "{container}" in pod "{pod["metadata"]["name"]}"'
        chosen = found.previous_log if previous else found.log
        if previous and chosen is None and found.restarts and not found.running:
            chosen = found.log
        if chosen is None:
            if previous:
                raise ApiError(400, "BadRequest", f"previous terminated {where} not found")
            waiting = found.state.get("waiting") or {}
            because = waiting.get("reason", "ContainerCreating")
            if because in {"ErrImagePull", "ImagePullBackOff"}:
                raise ApiError(400, "BadRequest", f"{where} is waiting to start: trying and failing to pull image")
            raise ApiError(400, "BadRequest", f"{where} is waiting to start: {because}")
        return chosen.read(
            follow=follow and not previous, tail=tail, since=since, timestamps=timestamps, limit_bytes=limit_bytes
        )

    async def exec(self, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> RunningCommand:
        """Start a command in a running container. OSError when it can't be started."""
        try:
            return await start_command(self._container(pod, container), command, stdin=stdin, tty=tty)
        except StartError as error:
            raise OSError(f"OCI runtime exec failed: {error}") from error

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> Attached:
        """Join the streams of a container's program. ApiError 400 when it doesn't run."""
        found = self._container(pod, container)
        if found.streams is None or not found.running:
            raise ApiError(400, "BadRequest", f"container {container} is not running")
        return found.streams.join()

    def pod_usage(self) -> list[PodUsage]:
        return self._sampler.pods()

    def node_usage(self) -> list[NodeUsage]:
        return self._sampler.nodes()

    def processes_by_pod(self) -> Mapping[str, list[int]]:
        """The running processes of each pod, by the pod's uid."""
        return ownership.processes_by_pod(self.workers.values())

    async def stats_summary(self, node: str) -> Object:
        check_kubelet(self.cluster.store, node)
        return await summary(self.cluster, node, list(self.workers.values()), self._sampler)

    def terminate(self, pod: Object) -> None:
        """A pod was marked deleted, or taken out by force."""
        stored = self.cluster.store.get(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if stored is None or stored["metadata"]["uid"] != pod["metadata"]["uid"]:
            self._end(pod["metadata"]["uid"], 0.0)
        else:
            self._see(stored)

    def _container(self, pod: Object, name: str) -> Container:
        check_kubelet(self.cluster.store, pod["spec"].get("nodeName") or "")
        worker = self.workers.get(pod["metadata"]["uid"])
        found = worker.container(name) if worker else None
        if found is None:
            if worker is None:
                where = f'container "{name}" in pod "{pod["metadata"]["name"]}"'
                raise ApiError(400, "BadRequest", f"{where} is waiting to start: ContainerCreating")
            raise ApiError(400, "BadRequest", f"container {name} is not valid for pod {pod['metadata']['name']}")
        return found
