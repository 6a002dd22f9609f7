"""What an application is configured with: in a ConfigMap, in its container's environment, or as it says itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from drillbook.clients.kube import Object, path_of
from drillbook.clients.kube_exec import execute
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.running import place_of
from drillbook.probes.scene import Scene, needed
from drillbook.probes.stated import stated
from drillbook.probes.workloads import chosen_container, workload


async def from_configmap(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """One key of a ConfigMap, or what a pattern finds in it: what is written there, whether or not anybody read it."""
    asked = needed(component, "config.value")
    name, key = _said(parameters, "configmap"), _said(parameters, "name")
    data, where = await config_map(scene, asked.namespace, name), f"ConfigMap {asked.namespace}/{name} key {key}"
    if key not in data:
        problem = f"ConfigMap {asked.namespace}/{name} has no key {key!r}"
        return scene.unseen(_dimension(parameters), where, problem, evidence={"keys": sorted(data)})
    return _found(scene, where, data[key], parameters)


async def from_env(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """One environment variable as the pod template gives it to the container, ConfigMaps looked up.

    What a Secret gives is never shown. Pods keep the environment that they started with: ``exec`` asks one of them.
    """
    asked = needed(component, "config.value")
    name = _said(parameters, "name")
    container = chosen_container(await workload(scene, asked), asked, parameters["container"])
    where = f"{asked.workload} in namespace {asked.namespace} container {container['name']} variable {name}"
    direct = next((one for one in reversed(container.get("env") or ()) if one["name"] == name), None)
    if direct is not None and "valueFrom" not in direct:
        return _found(scene, where, str(direct.get("value", "")), parameters, given_by="the pod template")
    source = (direct or {}).get("valueFrom") or {}
    if reference := source.get("configMapKeyRef"):
        data = await config_map(scene, asked.namespace, reference["name"])
        if reference["key"] in data:
            by = f"ConfigMap {reference['name']} key {reference['key']}"
            return _found(scene, where, data[reference["key"]], parameters, given_by=by)
        problem = f"ConfigMap {reference['name']} has no key {reference['key']!r}"
        return scene.unseen(_dimension(parameters), where, problem)
    if source:
        problem = f"{name} comes from {', '.join(source)}, whose value is not shown"
        return scene.unseen(_dimension(parameters), where, problem, remedy="look at a variable that is no secret")
    for each in reversed(container.get("envFrom") or ()):
        prefix, reference = each.get("prefix", ""), each.get("configMapRef")
        if reference and name.startswith(prefix):
            data = await config_map(scene, asked.namespace, reference["name"])
            if name.removeprefix(prefix) in data:
                by = f"all of ConfigMap {reference['name']}"
                return _found(scene, where, data[name.removeprefix(prefix)], parameters, given_by=by)
    problem = f"container {container['name']} is given no variable {name}"
    return scene.unseen(_dimension(parameters), where, problem, remedy=f"set {name}, or look where it is set")


async def from_exec(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """What a command in a running container prints: ``command`` in words, or ``printenv NAME``."""
    asked = needed(component, "config.value")
    command = shlex.split(parameters["command"]) if parameters["command"] else ["printenv", _said(parameters, "name")]
    place = await place_of(scene, asked, parameters["container"])
    done = await execute(await scene.kube(), place.namespace, place.pod, place.container, command)
    where = f"{shlex.join(command)} in {place}"
    if done.exit_code:
        # Its words stay out: a command that fails may quote what it was given.
        problem = f"the command ended with exit code {done.exit_code}"
        return scene.unseen(_dimension(parameters), where, problem, remedy="run it by hand in that container")
    return _found(scene, where, done.stdout.strip(), parameters)


async def config_map(scene: Scene, namespace: str, name: str) -> Mapping[str, str]:
    """The data of a ConfigMap. Raises Unreachable where there is none."""

    async def look() -> Object | None:
        return await (await scene.kube()).find(path_of("configmaps", namespace, name))

    found = await scene.once(("configmap", namespace, name), look)
    if found is None:
        raise Unreachable(f"ConfigMap {namespace}/{name} isn't there")
    return found.get("data") or {}


def _found(scene: Scene, where: str, text: str, parameters: Mapping[str, Any], given_by: str = "") -> Observation:
    """``text``, or the part of it that the pattern's group (else all of the pattern) finds, in the dimension asked."""
    evidence = {"given_by": given_by} if given_by else {}
    if parameters["pattern"] is None:
        return stated(scene, where, text, _dimension(parameters), evidence=evidence)
    try:
        matches = list(re.finditer(parameters["pattern"], text, re.MULTILINE))
    except re.error as error:
        raise ConfigError(f"parameter pattern: {parameters['pattern']!r} is no regular expression: {error}") from error
    found = {match[1] if match.re.groups else match[0] for match in matches}
    if len(found) != 1:
        problem = (
            f"the pattern finds {len(found)} different values there" if found else "the pattern finds nothing there"
        )
        remedy = "let the pattern fit one place" if found else "look whether it is set elsewhere"
        return scene.unseen(_dimension(parameters), where, problem, remedy=remedy, evidence=evidence)
    return stated(scene, where, found.pop() or "", _dimension(parameters), evidence=evidence)


def _dimension(parameters: Mapping[str, Any]) -> Dimension:
    return Dimension(parameters["as"])


def _said(parameters: Mapping[str, Any], name: str) -> str:
    if not parameters[name]:
        raise ConfigError(f"config.value from this source requires the parameter {name}")
    return str(parameters[name])
