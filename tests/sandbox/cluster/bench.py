"""A sandbox without an API server: store, controllers, kubelet and network in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
import yaml

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers import nodes, standard
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.labels import has_all, labels_of
from drillbook.sandbox.controllers.pods import is_ready
from drillbook.sandbox.controllers.services import ServiceAddresses
from drillbook.sandbox.events import Recorder
from drillbook.sandbox.images import resolve
from drillbook.sandbox.kinds import EVENT, KINDS, NAMESPACE, POD, Kind, Object
from drillbook.sandbox.kubelet import isolation
from drillbook.sandbox.kubelet.hosts import HostsFiles
from drillbook.sandbox.kubelet.kubelet import Kubelet
from drillbook.sandbox.network.addresses import Addresses
from drillbook.sandbox.network.claim import claim_network
from drillbook.sandbox.network.ingress import IngressController, ingress_program
from drillbook.sandbox.network.service_proxy import ServiceProxy
from drillbook.sandbox.seed import seed
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Store

HOME = "test"


class Bench:
    """What a test holds."""

    def __init__(self, cluster: Cluster, kubelet: Kubelet) -> None:
        self.cluster, self.store, self.kubelet = cluster, cluster.store, kubelet

    def apply(self, text: str) -> list[Object]:
        """Create the objects of some YAML, in the test's namespace where they name none."""
        kinds = {(kind.api_version, kind.name): kind for kind in KINDS}
        made = []
        for obj in yaml.safe_load_all(text):
            kind = kinds[(obj["apiVersion"], obj["kind"])]
            if kind.namespaced:
                obj["metadata"].setdefault("namespace", HOME)
            made.append(create(self.store, kind, obj))
        return made

    def get(self, kind: Kind, name: str) -> Object:
        """The object of that name; there must be one."""
        return self.store.need(kind, HOME if kind.namespaced else "", name)

    def change(self, kind: Kind, name: str, change: Callable[[Object], Any]) -> Object:
        """Change a stored object as a client would."""
        return self.store.mutate(kind, HOME if kind.namespaced else "", name, change)

    def pods(self, **labels: str) -> list[Object]:
        """The pods that carry these labels."""
        return [pod for pod in self.store.list(POD, HOME) if has_all(labels, labels_of(pod))]

    def ready(self, **labels: str) -> list[Object]:
        return [pod for pod in self.pods(**labels) if is_ready(pod)]

    def reasons(self, name: str) -> list[str]:
        """The reasons of the events about the object of that name."""
        return [e["reason"] for e in self.store.list(EVENT, HOME) if e["involvedObject"]["name"] == name]

    async def until[Answer](self, look: Callable[[], Answer], what: str, seconds: float = 15.0) -> Answer:
        """Look until the answer is true; fails with what was awaited."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                if answer := look():
                    return answer
            except (ApiError, KeyError):  # not there yet
                pass
            assert asyncio.get_running_loop().time() < deadline, f"waited {seconds:g} s for {what}"
            await asyncio.sleep(0.02)

    async def logs(self, pod: Object, container: str = "main", *, previous: bool = False) -> str:
        """What a container said."""
        chunks = self.kubelet.logs(
            self.get(POD, pod["metadata"]["name"]),
            container,
            follow=False,
            tail=None,
            since=None,
            previous=previous,
            timestamps=False,
            limit_bytes=None,
        )
        return b"".join([chunk async for chunk in chunks]).decode()

    async def until_says(self, name: str, text: str, container: str = "main") -> None:
        """Wait until a container has said all of ``text`` and nothing else."""
        said = ""
        for _ in range(400):
            with contextlib.suppress(ApiError):  # it has not started yet
                said = await self.logs(self.get(POD, name), container)
            if said == text:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"expected the log {text!r}, found {said!r}")


@asynccontextmanager
async def running(*, network: bool = False) -> AsyncIterator[Bench]:
    """A bench that is up; with ``network`` the Service balancers and the ingress are, too."""
    listener = claim_network()
    state = Path(tempfile.mkdtemp(prefix="db-"))
    number = int(listener.getsockname()[0].split(".")[1])
    for folder in ("pods", "volumes", "logs"):
        (state / folder).mkdir()
    store = Store()
    cluster = Cluster(
        "bench", state.name, state, store, Recorder(store), Addresses(number), Authority("bench of the tests")
    )
    seed(cluster)
    create(store, NAMESPACE, {"metadata": {"name": HOME}, "spec": {"finalizers": ["kubernetes"]}})
    hosts = HostsFiles(cluster)
    own = ingress_program(cluster)
    kubelet = Kubelet(cluster, await isolation.find_out(state), lambda image: own(image) or resolve(image), hosts.file)
    parts = [*standard(cluster), ServiceAddresses(cluster), hosts]
    if network:
        parts += [ServiceProxy(cluster), IngressController(cluster)]
    tasks = [asyncio.create_task(part.run()) for part in parts]
    tasks += [asyncio.create_task(kubelet.run()), asyncio.create_task(nodes.beat(cluster))]
    try:
        yield Bench(cluster, kubelet)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.05)
        listener.close()
        shutil.rmtree(state, ignore_errors=True)


def on_bench(test: Callable[[Bench], Awaitable[None]] | None = None, *, network: bool = False) -> Callable[..., Any]:
    """Run an async test on a bench of its own."""
    if test is None:
        return functools.partial(on_bench, network=network)

    @functools.wraps(test)
    def run() -> None:
        async def main() -> None:
            async with running(network=network) as bench:
                await test(bench)

        uvloop.run(main())

    del run.__wrapped__  # pytest would ask for the inner function's arguments
    return run


def pod(name: str, script: str, more: str = "", *, restart: str = "Always") -> str:
    """A pod whose one container, ``main``, runs a shell script; ``more`` is YAML of the container."""
    lines = "".join(f"\n      {line}" for line in more.strip().splitlines())
    body = "".join(f"\n          {line}" for line in script.strip().splitlines())
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  restartPolicy: {restart}
  terminationGracePeriodSeconds: 2
  containers:
    - name: main
      image: busybox
      command: [sh, -c]
      args:
        - |{body}{lines}
"""
