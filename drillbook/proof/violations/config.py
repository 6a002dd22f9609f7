"""How settings of an application are broken: in its ConfigMap, in its pod template, in a container that runs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from drillbook.clients.kube import Object, path_of
from drillbook.model.policy import Component, Objective
from drillbook.model.quantity import Dimension
from drillbook.model.text_limit import TextLimit
from drillbook.proof.beyond import number_beyond, text_beyond
from drillbook.proof.stage import Stage
from drillbook.proof.templates import container_of, held_template, rolled_out
from drillbook.proof.violation import Planted, Unplantable, Violation

_ROLLOUT_SECONDS: Final = 90.0


@asynccontextmanager
async def other_variable(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A variable of the container is another, where its pod template gets it from; pods that run keep theirs."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    name = str(parameters["name"])
    index, container = await container_of(stage, component, parameters["container"])
    env: list[Object] = container.get("env") or []
    place = next((number for number, one in enumerate(env) if one["name"] == name), None)
    direct: Object = {} if place is None else env[place]
    source = await _config_map_of(stage, component, container, direct, name)
    if source is not None:
        async with _key(stage, component, *source, objective) as planted:
            yield planted
        return
    if "valueFrom" in direct:
        raise Unplantable(f"{objective.id}: {name} comes from {', '.join(direct['valueFrom'])}, which isn't shown")
    value = refused(objective, str(direct.get("value", "")))
    entry = {"name": name, "value": value}
    change: Object = {"op": "replace", "path": f"/env/{place}", "value": entry}
    if place is None:
        change = {"op": "add", "path": "/env", "value": [*env, entry]}
    async with held_template(stage, component, index, change):
        implied = _same_setting(stage, name) | stage.asking("rollout.incomplete", "rollout.took")
        yield Planted(f"{component.workload}: {name} {value!r}, rollout held", implied)


@asynccontextmanager
async def other_key(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """One key of a ConfigMap says something else."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    async with _key(stage, component, str(parameters["configmap"]), str(parameters["name"]), objective) as planted:
        yield planted


@asynccontextmanager
async def other_in_container(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The containers run with another value of the variable: a rollout brings it, and another takes it back."""
    component, parameters = stage.component(objective), stage.parameters(objective)
    if parameters["command"]:
        raise Unplantable(f"{objective.id}: where {parameters['command']!r} gets its answer from isn't known here")
    name = str(parameters["name"])
    index, container = await container_of(stage, component, parameters["container"])
    value = refused(objective, "")
    env = [one for one in container.get("env") or () if one["name"] != name] + [{"name": name, "value": value}]
    where = f"/spec/template/spec/containers/{index}/env"
    what = f"the rollout of {component.workload}"
    try:
        async with stage.changed(stage.workload_path(component), [{"op": "add", "path": where, "value": env}]):
            await stage.until(what, lambda: rolled_out(stage, component), _ROLLOUT_SECONDS)
            yield Planted(f"{component.workload} runs with {name} {value!r}", _same_setting(stage, name))
    finally:
        await stage.until(what, lambda: rolled_out(stage, component), _ROLLOUT_SECONDS)


def refused(objective: Objective, now: str) -> str:
    """What the setting says instead: all of it, or, where the objective has a pattern, ``now`` with another part."""
    limit, pattern = objective.limit, objective.parameters.get("pattern")
    text = text_beyond(objective) if isinstance(limit, TextLimit) else _written(objective)
    if not pattern:
        return text
    match = re.search(str(pattern), now, re.MULTILINE)
    if match is None:
        raise Unplantable(f"{objective.id}: pattern {pattern!r} finds nothing that could be something else")
    begin, end = match.span(1 if match.re.groups else 0)
    return now[:begin] + text + now[end:]


def _written(objective: Objective) -> str:
    """A number beyond the limit, as settings have it."""
    units = {Dimension.DURATION: "s", Dimension.RATIO: "%"}
    dimension = objective.limit.dimension
    number = number_beyond(objective) * (100 if dimension is Dimension.RATIO else 1)
    return f"{number:f}{units.get(dimension, '')}"


@asynccontextmanager
async def _key(
    stage: Stage, component: Component, config_map: str, key: str, objective: Objective
) -> AsyncIterator[Planted]:
    path = path_of("configmaps", component.namespace, config_map)
    now = str(((await stage.kube.get(path)).get("data") or {}).get(key, ""))
    value = refused(objective, now)
    async with stage.changed(path, {"data": {key: value}}):
        shown = repr(value) if "\n" not in value else "changed"
        yield Planted(f"ConfigMap {config_map} key {key}: {shown}", _same_setting(stage, key))


async def _config_map_of(
    stage: Stage, component: Component, container: Object, direct: Mapping[str, Any], name: str
) -> tuple[str, str] | None:
    """The ConfigMap and the key that give the container its variable, if one does."""
    if reference := (direct.get("valueFrom") or {}).get("configMapKeyRef"):
        return reference["name"], reference["key"]
    for each in reversed(container.get("envFrom") or ()) if not direct else ():
        reference, prefix = each.get("configMapRef"), each.get("prefix", "")
        if reference and name.startswith(prefix):
            found = await stage.kube.get(path_of("configmaps", component.namespace, reference["name"]))
            if name.removeprefix(prefix) in (found.get("data") or {}):
                return reference["name"], name.removeprefix(prefix)
    return None


def _same_setting(stage: Stage, name: str) -> frozenset[str]:
    """Ids of what else is said of that setting; how many connections pools may open is said by one, too."""
    same = {o.id for o in stage.objectives if o.indicator == "config.value" and o.parameters.get("name") == name}
    return frozenset(same) | stage.asking("database.pool_budget")


VIOLATIONS: Final = (
    Violation("config.value", other_variable),
    Violation("config.value/configmap", other_key),
    Violation("config.value/exec", other_in_container),
)
