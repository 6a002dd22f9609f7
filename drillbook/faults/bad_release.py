"""A bad release: its pods become Ready and serve, and what they answer is an error.

By default a setting of the container is wrong (the database's host), as a release with a mistake in its configuration
has it; a team that keeps a bad image for this names that instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from drillbook.faults.fault import Aim, Landing, PutBack
from drillbook.faults.settings import Setting
from drillbook.faults.templates import ALL_PODS, TemplateFault, container_of, container_patch
from drillbook.faults.workloads import is_ready

if TYPE_CHECKING:
    from drillbook.clients.kube import Object


class BadRelease(TemplateFault):
    """Rolls out a release that is Ready and answers with errors."""

    name = "bad-release"
    about = "A release is Ready, and answers with errors."
    settings: ClassVar = {
        "variable": Setting("DATABASE_HOST", "the environment variable that is wrong in this release"),
        "value": Setting("nowhere.invalid", "its wrong value"),
        "image": Setting("", "a bad image of your own, instead of the variable"),
        "all_pods": ALL_PODS,
    }

    def change(self, found: Object, aim: Aim) -> Object:
        if aim.settings["image"]:
            return container_patch(found, {"image": aim.settings["image"]}, aim)
        wrong = {"name": aim.settings["variable"], "value": aim.settings["value"], "valueFrom": None}
        return container_patch(found, {"env": [wrong]}, aim)

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        bad = [pod["metadata"]["name"] for pod in pods if _is_bad(pod, aim) and is_ready(pod)]
        good = [pod["metadata"]["name"] for pod in pods if not _is_bad(pod, aim)]
        return Landing(len(bad) >= before["replicas"] and not good, {"ready and bad": bad, "still good": good})


def _is_bad(pod: Object, aim: Aim) -> bool:
    container = container_of(pod)
    if aim.settings["image"]:
        return bool(container["image"] == aim.settings["image"])
    told = {one["name"]: one.get("value") for one in container.get("env") or ()}
    return bool(told.get(aim.settings["variable"]) == aim.settings["value"])
