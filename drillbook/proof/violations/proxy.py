"""How nginx is configured otherwise: in the files of containers that run, or in the ConfigMap that they come from."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from drillbook.clients.kube import path_of
from drillbook.errors import Unreachable
from drillbook.model.policy import Component, Objective
from drillbook.proof.nginx_text import edited
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_FILE: Final = re.compile(r"^# configuration file (?P<path>\S+):$", re.MULTILINE)
"""What ``nginx -T`` writes above each of its files."""
_WRITE: Final = 'printf %s "$2" | base64 -d > "$1"'


@asynccontextmanager
async def other_files(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The directive stands otherwise in the files of every pod, as after a change by hand; nothing is reloaded."""
    component = stage.component(objective)
    async with AsyncExitStack() as changed:
        pods = [str(pod["metadata"]["name"]) for pod in await stage.pods(component)]
        for pod in pods:
            await changed.enter_async_context(
                _changed_files(stage, component, pod, lambda text: edited(objective, text))
            )
        where = f"{objective.parameters['name']} in the files of {', '.join(pods)}"
        yield Planted(where, _same_directive(stage, objective))


@asynccontextmanager
async def other_config_map(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The directive stands otherwise in the ConfigMap."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    name, key = str(parameters["configmap"]), str(parameters["key"])
    path = path_of("configmaps", component.namespace, name)
    now = str((await stage.kube.get(path))["data"][key])
    async with stage.changed(path, {"data": {key: edited(objective, now)}}):
        yield Planted(f"{parameters['name']} in ConfigMap {name} key {key}", _same_directive(stage, objective))


@asynccontextmanager
async def _changed_files(
    stage: Stage, component: Component, pod: str, change: Callable[[str], str]
) -> AsyncIterator[None]:
    """Every file that nginx reads in a pod, edited for a while. Raises Unplantable where none has the directive."""
    told = await stage.execute(component, "nginx", "-T", pod=pod)
    if told.exit_code:
        raise Unreachable(f"nginx -T in pod {pod} ended with exit code {told.exit_code}: {told.stderr.strip()[:200]}")
    parts = _FILE.split(told.stdout)[1:]
    files = dict(zip(parts[::2], (text[1:].removesuffix("\n") for text in parts[1::2]), strict=True))
    touched = {}
    for path, text in files.items():
        try:
            touched[path] = change(text)
        except Unplantable as problem:
            refusal = problem
    if not touched:
        raise refusal
    try:
        for path, text in touched.items():
            await _write(stage, component, pod, path, text)
        yield
    finally:
        for path in touched:
            await _write(stage, component, pod, path, files[path])


async def _write(stage: Stage, component: Component, pod: str, path: str, text: str) -> None:
    packed = base64.b64encode(text.encode()).decode()
    done = await stage.execute(component, "sh", "-c", _WRITE, "sh", path, packed, pod=pod)
    if done.exit_code:
        raise Unreachable(f"{path} in pod {pod} can't be written: {done.stderr.strip()[:200]}")


def _same_directive(stage: Stage, objective: Objective) -> frozenset[str]:
    name = objective.parameters.get("name")
    return frozenset(
        o.id for o in stage.objectives if o.indicator == "proxy.directive" and o.parameters.get("name") == name
    )


VIOLATIONS: Final = (
    Violation("proxy.directive", other_files),
    Violation("proxy.directive/configmap", other_config_map),
)
