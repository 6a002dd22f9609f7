"""One pod from its binding to its end: address, volumes, init containers, containers, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.controllers.controller import own_key
from drillbook.sandbox.images.program import Program
from drillbook.sandbox.kinds import POD, Object
from drillbook.sandbox.kubelet import pod_status, volumes
from drillbook.sandbox.kubelet.container import Container
from drillbook.sandbox.kubelet.isolation import Isolation
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import timestamp

RETRY_MOUNT: Final = 0.25
RETRY_FOLDER: Final = 5.0
COMPONENT: Final = "kubelet"

type Resolve = Callable[[str], Program | None]
type Hosts = Callable[[Object], Path]


class PodWorker:
    """Runs one pod. ``run`` returns when the pod is gone."""

    def __init__(
        self,
        cluster: Cluster,
        isolation: Isolation,
        resolve: Resolve,
        hosts: Hosts,
        orphans: Callable[[], list[int]],
        pod: Object,
    ) -> None:
        self.cluster, self.isolation, self.resolve, self.orphans = cluster, isolation, resolve, orphans
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.folder = cluster.state / "pods" / self.uid
        self._hosts = hosts
        self.mounted: dict[str, volumes.Mounted] = {}
        self.has_init = bool(pod["spec"].get("initContainers"))
        self.init = [Container(self, spec, init=True) for spec in pod["spec"].get("initContainers") or ()]
        self.main = [Container(self, spec) for spec in pod["spec"]["containers"]]
        self._addresses: Object = {}
        self._failed: Object | None = None
        self._stop_at: float | None = None
        self._stop_wanted = asyncio.Event()
        self._background: set[asyncio.Task[Any]] = set()
        self.awake = asyncio.Event()
        """Set while the node's kubelet runs; without it nothing is started, probed or told."""
        self.awake.set()

    def index_of(self, spec: Object) -> int:
        """The place of a container among its kind; it names its folder, because socket paths must be short."""
        for specs in (self.pod["spec"].get("initContainers") or (), self.pod["spec"]["containers"]):
            if any(one is spec for one in specs):
                return [id(one) for one in specs].index(id(spec))
        raise ValueError("a container of another pod")

    @property
    def hosts(self) -> Path:
        """Its hosts file, up to date. OSError when the disk has no room for it."""
        return self._hosts(self.pod)

    @property
    def containers(self) -> list[Container]:
        return [*self.init, *self.main]

    def container(self, name: str) -> Container | None:
        return next((c for c in self.containers if c.name == name), None)

    async def run(self) -> None:
        """The pod's whole life."""
        if not await self._settle():
            self._tell_end()
            return
        address = self._take_address()
        life = asyncio.create_task(self._live(), name=f"pod {self.pod['metadata']['name']}")
        try:
            await self._stop_wanted.wait()
            await self._stop(life)
        finally:
            life.cancel()
            self.kill()
            self._give_back(address)
            for container in self.containers:
                container.close()
            for task in self._background:
                task.cancel()
            self.cluster.disks.remove(self.folder)

    def stop(self, grace_seconds: float) -> None:
        """End the pod within its grace; asked again, the shorter grace counts."""
        at = asyncio.get_running_loop().time() + grace_seconds
        if self._stop_at is not None and at < self._stop_at:
            asyncio.get_running_loop().call_later(grace_seconds, self.kill)
        if self._stop_at is None or at < self._stop_at:
            self._stop_at = at
        self._stop_wanted.set()

    def kill(self) -> None:
        """SIGKILL to everything in the pod."""
        for container in self.containers:
            container.stopping = True
            container.kill()

    def resize(self, spec: Object) -> None:
        """Its containers may use more or less from now on; none is started anew for it."""
        given = {one["name"]: one.get("resources") for one in [*spec.get("initContainers", ()), *spec["containers"]]}
        for container in self.containers:
            if container.spec.get("resources") != given.get(container.name):
                container.spec = {**container.spec, "resources": given.get(container.name) or {}}

    def fall_asleep(self) -> None:
        """The node's kubelet has stopped: what runs goes on, and nobody looks after it."""
        self.awake.clear()

    def wake_up(self) -> None:
        """The node's kubelet is back: say how things are, and go on."""
        self.awake.set()
        self.changed()

    def fail(self, reason: str, message: str) -> None:
        """End the pod as a whole and leave it as Failed: evicted, or its deadline is over."""
        self._failed = {"reason": reason, "message": message}
        self.kill()
        self.changed()

    def changed(self) -> None:
        """A container is not as it was: tell the API."""
        if not self.awake.is_set():
            return
        namespace, name = own_key(self.pod)
        stored = self.cluster.store.get(POD, namespace, name)
        if stored is None or stored["metadata"]["uid"] != self.uid:
            return
        status = pod_status.build(
            stored.get("status") or {}, self.init, self.main, addresses=self._addresses, failed=self._failed
        )
        self.pod = self.cluster.store.mutate(POD, namespace, name, lambda draft: draft.update(status=status))

    def say(self, type_: str, reason: str, message: str, *, field: str = "") -> None:
        """An event about this pod."""
        if not self.awake.is_set():
            return
        write = self.cluster.events.normal if type_ == "normal" else self.cluster.events.warning
        write(self.pod, COMPONENT, reason, message, host=self.pod["spec"]["nodeName"], field=field)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on by itself while the pod lives."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _settle(self) -> bool:
        """Make the pod's folders; on a full disk, again until there is room. False when the pod goes before that."""
        while not self._stop_wanted.is_set():
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._sign()
                for container in self.containers:
                    container.folder.mkdir(exist_ok=True)
            except OSError as error:
                self.say("warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop_wanted.wait(), RETRY_FOLDER)
            else:
                return True
        return False

    def _sign(self) -> None:
        """Say in the pod's folder whose it is, for tools that find their pod by its folder."""
        meta = self.pod["metadata"]
        told = {"name": meta["name"], "namespace": meta["namespace"], "labels": meta.get("labels") or {}}
        (self.folder / "pod.json").write_text(json.dumps(told), encoding="utf-8")

    def _take_address(self) -> str | None:
        host = self.cluster.addresses.nodes[self.pod["spec"]["nodeName"]]
        pool = self.cluster.addresses.pods_of(self.pod["spec"]["nodeName"])
        given = None if self.pod["spec"].get("hostNetwork") else pool.take()
        address = given or host
        self._addresses = {
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "startTime": timestamp(),
        }
        return given

    def _give_back(self, address: str | None) -> None:
        if address:
            self.cluster.addresses.pods_of(self.pod["spec"]["nodeName"]).give_back(address)

    async def _live(self) -> None:
        try:
            self.changed()
            await self._mount()
            self.changed()
            if await self._initialise():
                await self._run_all()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("pod %s/%s stopped being looked after", *own_key(self.pod))

    async def _mount(self) -> None:
        claims = self.cluster.state / "volumes"
        wait = RETRY_MOUNT
        while True:
            try:
                self.mounted = volumes.prepare(self.cluster, self.pod, self.folder, claims)
            except (volumes.VolumeNotReady, OSError) as error:
                if wait > RETRY_MOUNT:  # a claim is bound within moments of its creation: no event for that
                    self.say("warning", "FailedMount", f"MountVolume.SetUp failed: {error}")
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
            else:
                self._tell_of_sizes()
                return

    def _tell_of_sizes(self) -> None:
        """Say where a volume's size is not what it seems."""
        disks = self.cluster.disks
        for volume in self.mounted.values():
            why = disks.why_unlimited(volume.folder)
            too_large = disks.beyond_memory(volume.folder)
            if why is not None:
                message = f"the volume {volume.name} is a plain folder that doesn't end at its size: {why}"
                self.say("warning", "VolumeSizeNotEnforced", message)
            elif too_large is not None:
                self.say("warning", "VolumeBeyondMemory", f"the volume {volume.name} ends at its size, but {too_large}")

    async def _initialise(self) -> bool:
        """Run the init containers one after another; False when one failed for good."""
        for container in self.init:
            if container.policy == "Always":  # a sidecar: it stays while the next ones start
                self.in_background(container.run())
                await container.has_started.wait()
                continue
            await container.run()
            if container.exit_code != 0:
                self.changed()
                return False
        for container in self.main:
            container.state = {"waiting": {"reason": "ContainerCreating"}}
        return True

    async def _run_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for container in self.main:
                group.create_task(container.run(), name=f"container {container.name}")
            deadline = self.pod["spec"].get("activeDeadlineSeconds")
            if deadline is not None:
                self.in_background(self._watch_deadline(float(deadline)))
        for container in self.init:  # sidecars end with the last container
            await container.stop(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))
        self.changed()

    async def _watch_deadline(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.fail("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")

    async def _stop(self, life: asyncio.Task[None]) -> None:
        for container in self.containers:
            container.stopping = True
        left = max(0.0, (self._stop_at or 0.0) - asyncio.get_running_loop().time())
        await asyncio.gather(*(container.stop(left) for container in self.main))
        await asyncio.gather(*(container.stop(left) for container in self.init))
        if not any(container.running for container in self.containers):
            life.cancel()
        self._tell_end()

    def _tell_end(self) -> None:
        """The last status, then the object goes; with finalizers it stays until they are lifted."""
        namespace, name = own_key(self.pod)
        store = self.cluster.store
        stored = store.get(POD, namespace, name)
        if stored is None or stored["metadata"]["uid"] != self.uid or "deletionTimestamp" not in stored["metadata"]:
            return
        try:
            self.changed()
            if not stored["metadata"].get("finalizers"):
                store.remove(POD, namespace, name)
        except ApiError as error:
            if error.code != 404:
                raise
