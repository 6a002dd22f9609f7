"""How nginx is configured otherwise: in the files of containers that run, or in the ConfigMap that they come from."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from drillbook.clients.kube import path_of
from drillbook.errors import Unreachable
from drillbook.model.limit import Limit
from drillbook.model.policy import Component, Objective
from drillbook.model.text_limit import TextLimit
from drillbook.probes.nginx_config import directives
from drillbook.proof.beyond import number_beyond, text_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_FILE: Final = re.compile(r"^# configuration file (?P<path>\S+):$", re.MULTILINE)
"""What ``nginx -T`` writes above each of its files."""
_WRITE: Final = 'printf %s "$2" | base64 -d > "$1"'
_SIMPLE: Final = r"(?P<indent>^[ \t]*){name}(?P<arguments>(?:\s+[^;{{}}#]*)?);"


@asynccontextmanager
async def other_files(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The directive stands otherwise in the files of every pod, as after a change by hand; nothing is reloaded."""
    component = stage.component(objective)
    async with AsyncExitStack() as changed:
        pods = [str(pod["metadata"]["name"]) for pod in await stage.pods(component)]
        for pod in pods:
            await changed.enter_async_context(_changed_files(stage, component, pod, _editor(stage, objective)))
        where = f"{objective.parameters['name']} in the files of {', '.join(pods)}"
        yield Planted(where, _same_directive(stage, objective))


@asynccontextmanager
async def other_config_map(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The directive stands otherwise in the ConfigMap."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    name, key = str(parameters["configmap"]), str(parameters["key"])
    path = path_of("configmaps", component.namespace, name)
    now = str((await stage.kube.get(path))["data"][key])
    async with stage.changed(path, {"data": {key: _editor(stage, objective)(now)}}):
        yield Planted(f"{parameters['name']} in ConfigMap {name} key {key}", _same_directive(stage, objective))


@asynccontextmanager
async def _changed_files(
    stage: Stage, component: Component, pod: str, edited: Callable[[str], str]
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
            touched[path] = edited(text)
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


def _editor(stage: Stage, objective: Objective) -> Callable[[str], str]:
    """Puts a value beyond the limit into a configuration, or takes a directive out where they are counted."""
    parameters = stage.parameters(objective)
    name = str(parameters["name"])
    simple = re.compile(_SIMPLE.format(name=re.escape(name)), re.MULTILINE)

    def edited(text: str) -> str:
        if not _stands(text, parameters):
            raise Unplantable(f"{objective.id}: directive {name} stands nowhere, so it can't be broken")
        if parameters["take"] == "number":
            return _counted(objective, simple, text, parameters)
        value = next(_values(objective))
        if argument := parameters["argument"]:
            return re.sub(rf"\b{re.escape(argument)}=[^\s;]+", f"{argument}={value}", text)
        return simple.sub(lambda found: f"{found['indent']}{name} {value};", text)

    return edited


def _counted(objective: Objective, simple: re.Pattern[str], text: str, parameters: dict[str, Any]) -> str:
    """One directive fewer, or one more, whichever the limit refuses."""
    less = simple.sub("", text, count=1)
    more = simple.sub(lambda found: f"{found[0]}{found[0].lstrip()}", text, count=1)
    for one in (less, more):
        count = _stands(one, parameters)
        limit = objective.limit
        if isinstance(limit, Limit) and count != _stands(text, parameters) and not limit.holds_at(count):
            return one
    raise Unplantable(f"{objective.id}: neither one fewer nor one more breaks {objective.limit}")


def _stands(text: str, parameters: dict[str, Any]) -> Any:
    """How often the directive stands there, as its probe counts."""
    block = parameters["block"]
    try:
        found = list(directives(text))
    except ValueError as error:
        raise Unplantable(f"the configuration can't be read: {error}") from error
    return sum(one.name == parameters["name"] and (not block or one.stands_in(block)) for one in found)


def _values(objective: Objective) -> Iterator[str]:
    """Values that nginx takes and the limit refuses."""
    limit = objective.limit
    if isinstance(limit, TextLimit):
        yield from (text for text in ("1", "2", "on", "off", "1s", "1m") if not limit.holds_for(text))
        yield text_beyond(objective)
        return
    unit = "s" if limit.dimension == "duration" else ""
    yield f"{number_beyond(objective):f}{unit}"


def _same_directive(stage: Stage, objective: Objective) -> frozenset[str]:
    name = objective.parameters.get("name")
    return frozenset(
        o.id for o in stage.objectives if o.indicator == "proxy.directive" and o.parameters.get("name") == name
    )


VIOLATIONS: Final = (
    Violation("proxy.directive", other_files),
    Violation("proxy.directive/configmap", other_config_map),
)
