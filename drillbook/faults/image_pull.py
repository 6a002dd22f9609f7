"""A release whose image can't be pulled: its tag was never pushed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.faults.fault import Aim, Landing, PutBack
from drillbook.faults.settings import Setting
from drillbook.faults.templates import (
    ALL_PODS,
    TemplateFault,
    container_of,
    container_patch,
    container_state,
    enough_hit,
)

if TYPE_CHECKING:
    from drillbook.clients.kube import Object

TAG: Final = "drillbook-never-released"


class ImagePull(TemplateFault):
    """Gives the container an image that isn't there."""

    name = "image-pull"
    about = "A release's image can't be pulled."
    settings: ClassVar = {
        "image": Setting("", f"an image that isn't there; empty means the container's own with the tag {TAG}"),
        "all_pods": ALL_PODS,
    }

    def change(self, found: Object, aim: Aim) -> Object:
        image = aim.settings["image"] or _never_released(container_of(found["spec"]["template"])["image"])
        return container_patch(found, {"image": image}, aim)

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        waiting = {pod["metadata"]["name"]: _reason(pod) for pod in pods}
        evidence = {"waiting": {name: reason for name, reason in waiting.items() if "Image" in reason}}
        return Landing(enough_hit(aim, before, len(evidence["waiting"]), len(pods)), evidence)


def _never_released(image: str) -> str:
    """The same repository with a tag that nobody pushes: a colon before the last slash is a registry's port."""
    repository = image.partition("@")[0]
    folder, slash, name = repository.rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}:{TAG}"


def _reason(pod: Object) -> str:
    state = container_state(pod).get("state") or {}
    return str((state.get("waiting") or {}).get("reason", ""))
