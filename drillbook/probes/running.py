"""Where a command can be run: a container of a component's workload that is running now."""

from __future__ import annotations

from typing import NamedTuple

from drillbook.clients.kube import Object
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.policy import Component
from drillbook.probes.scene import Scene
from drillbook.probes.workloads import lasting_containers, pods


class Place(NamedTuple):
    """A running container."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        return f"container {self.container} of pod {self.pod} in namespace {self.namespace}"


class NothingRuns(Unreachable):
    """The workload is there, and no pod of it runs: for whoever asks whether it is up, that is the answer."""


async def place_of(scene: Scene, component: Component, container: str | None = None) -> Place:
    """The named container, else the first, of the first pod (by name) in which it runs; Ready pods first.

    Raises NothingRuns, Unreachable where the workload isn't there, ConfigError where no container has that name.
    """
    found = sorted(await pods(scene, component), key=lambda pod: (not _is_ready(pod), pod["metadata"]["name"]))
    for pod in found:
        names = [one["name"] for one in lasting_containers(pod["spec"])]
        if container is not None and container not in names:
            raise ConfigError(
                f"{component.workload} in namespace {component.namespace} has no container {container!r}: "
                f"expected one of {', '.join(names)}"
            )
        wanted = container or names[0]
        if wanted in running_containers(pod):
            return Place(component.namespace, pod["metadata"]["name"], wanted)
    raise NothingRuns(f"no pod of {component.workload} in namespace {component.namespace} runs")


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def running_containers(pod: Object) -> set[str]:
    """The names of the pod's containers that run now, sidecars among them."""
    status = pod.get("status") or {}
    told = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return {one["name"] for one in told if "running" in (one.get("state") or {})}
