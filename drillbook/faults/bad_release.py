"""A bad release: its pods become Ready and serve, and what they answer is an error.

By default a setting of the container is wrong (the database's host), as a release with a mistake in its configuration
has it; a team that keeps a bad image for this names that instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.faults.fault import Aim, Landing, Needs, PutBack, Target
from drillbook.faults.places import exec_permissions, place_in, shell
from drillbook.faults.settings import Setting
from drillbook.faults.templates import ALL_PODS, TemplateFault, container_of, container_patch, template_needs
from drillbook.faults.workloads import is_ready, read_workload, workload_of

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object


_ASK: Final = 'curl --silent --output /dev/null --max-time 10 --write-out "%{http_code}" "$1"'


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

    def needs(self, aim: Aim) -> Needs:
        template = template_needs(aim)
        return Needs((*template.to_break, *exec_permissions(aim.component.namespace)), template.to_repair)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        rolled_out = await super().landed(kube, aim, targets, before)
        if not rolled_out.landed:
            return rolled_out
        answers = await _answers(kube, aim)
        # Where the container has nothing to ask with, that it is live and Ready is all that can be seen from here.
        return Landing(all(code >= 500 for code in answers.values()), {**rolled_out.evidence, "answers": answers})

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        bad = [pod["metadata"]["name"] for pod in pods if _is_bad(pod, aim) and is_ready(pod)]
        good = [pod["metadata"]["name"] for pod in pods if not _is_bad(pod, aim)]
        return Landing(len(bad) >= before["replicas"] and not good, {"ready and bad": bad, "still good": good})


async def _answers(kube: Kube, aim: Aim) -> dict[str, int]:
    """The HTTP status that each pod answers itself; 599 for none, and no entry for one that has no curl."""
    state = await read_workload(kube, workload_of(aim.component), aim.component.namespace)
    plain = [route.path for route in aim.component.routes if route.method == "GET" and "{" not in route.path]
    path = next(iter(plain), aim.component.health or "/")
    found: dict[str, int] = {}
    for pod in state.pods:
        ports = container_of(pod).get("ports") or ({"containerPort": aim.component.port or 80},)
        url = f"http://{(pod.get('status') or {}).get('podIP')}:{ports[0]['containerPort']}{path}"
        if place := place_in(pod):
            said = (await shell(kube, place, _ASK, url)).stdout.strip()
            if said.isdigit():
                found[place.pod] = int(said) or 599
    return found


def _is_bad(pod: Object, aim: Aim) -> bool:
    container = container_of(pod)
    if aim.settings["image"]:
        return bool(container["image"] == aim.settings["image"])
    told = {one["name"]: one.get("value") for one in container.get("env") or ()}
    return bool(told.get(aim.settings["variable"]) == aim.settings["value"])
