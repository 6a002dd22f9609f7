"""Which image a workload's containers run: what its pods were made with, not what the template says now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillbook.clients.kube import Object
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import chosen_container, pods, workload


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name in its parts: ``ghcr.io/org/app:v1.2.3@sha256:...``."""

    repository: str
    tag: str
    """``latest`` where neither a tag nor a digest is said, as every container runtime reads it."""
    digest: str

    @classmethod
    def parse(cls, image: str) -> Reference:
        """Read a name; a colon before the last slash belongs to the registry's port."""
        name, _, digest = image.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        return cls(f"{head}{slash}{last}", tag or ("" if digest else "latest"), digest)


async def image(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The image, or a part of its name, that the container runs in every pod; all of them where pods differ.

    The template is asked only where no pod runs. A digest is what the node pulled, which a tag doesn't tell.
    """
    asked = needed(component, "workload.image")
    found = await workload(scene, asked)
    container = chosen_container(found, asked, parameters["container"])
    where = f"{asked.workload} in namespace {asked.namespace} container {container['name']}"
    running = await pods(scene, asked)
    part = parameters["part"]
    seen = {pod["metadata"]["name"]: _of_pod(pod, container["name"], part) for pod in running}
    evidence = {"part": part, "template": container["image"], "pods": seen}
    if part == "digest" and not any(seen.values()):
        problem = "no running pod of it says which digest its node pulled"
        return scene.unseen(Dimension.TEXT, where, problem, remedy="wait for a pod to run", evidence=evidence)
    texts = [text for text in seen.values() if text] or [_part(container["image"], part)]
    return scene.told(where, *texts, samples=max(1, len(running)), evidence=evidence)


def _of_pod(pod: Object, name: str, part: str) -> str:
    if part == "digest":
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        pulled = next((str(status.get("imageID") or "") for status in statuses if status["name"] == name), "")
        return "" if "sha256:" not in pulled else "sha256:" + pulled.rpartition("sha256:")[2]
    spec = pod["spec"]
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return next((_part(str(c["image"]), part) for c in containers if c["name"] == name), "")


def _part(image: str, part: str) -> str:
    return image if part == "image" else str(getattr(Reference.parse(image), part))
