"""A workload's program ends as soon as it begins: its pods crash again and again, as with a broken configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.faults.fault import Aim, Landing, PutBack
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

COMMAND: Final = ["sh", "-c", "echo 'drillbook: this release ends as soon as it begins' >&2; exit 1"]


class CrashLoop(TemplateFault):
    """Replaces the container's command by one that fails."""

    name = "crash-loop"
    about = "A workload's program ends as soon as it begins."
    settings: ClassVar = {"all_pods": ALL_PODS}

    def change(self, found: Object, aim: Aim) -> Object:
        return container_patch(found, {"command": COMMAND, "args": None}, aim)

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        crashed = {pod["metadata"]["name"]: _end(pod) for pod in pods if container_of(pod).get("command") == COMMAND}
        evidence = {"crashed": {name: end for name, end in crashed.items() if end}}
        return Landing(enough_hit(aim, before, len(evidence["crashed"]), len(pods)), evidence)


def _end(pod: Object) -> str:
    """How its program ended, the last time; empty until it was begun again, as one crash is no loop."""
    told = container_state(pod)
    if not told.get("restartCount"):
        return ""
    for state in (told.get("state") or {}, told.get("lastState") or {}):
        if "terminated" in state:
            return f"exit code {state['terminated'].get('exitCode')}, {told['restartCount']} restarts"
    return ""
