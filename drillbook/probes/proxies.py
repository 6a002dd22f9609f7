"""What a proxy is configured to do: nginx's directives, as a ConfigMap has them or as a running nginx read them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from drillbook.clients.kube_exec import execute
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.config_values import config_map
from drillbook.probes.nginx_config import directives
from drillbook.probes.running import NothingRuns, running_containers
from drillbook.probes.scene import Scene, needed
from drillbook.probes.stated import stated
from drillbook.probes.workloads import chosen_container, pods, workload

_BROKEN: Final = "look at the configuration with `nginx -t`"


async def from_configmap(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """A directive in one key of a ConfigMap: what the next nginx to start will read."""
    asked = needed(component, "proxy.directive")
    name, key = parameters["configmap"], parameters["key"]
    if not name or not key:
        raise ConfigError("proxy.directive from a ConfigMap requires the parameters configmap and key")
    data = await config_map(scene, asked.namespace, name)
    where = f"{parameters['name']} in ConfigMap {asked.namespace}/{name} key {key}"
    if key not in data:
        problem = f"ConfigMap {asked.namespace}/{name} has no key {key!r}"
        return scene.unseen(Dimension(parameters["as"]), where, problem, evidence={"keys": sorted(data)})
    return _told(scene, where, {key: data[key]}, parameters)


async def from_exec(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """A directive in what ``nginx -T`` prints in every pod of the workload: what stands in its files there now."""
    asked = needed(component, "proxy.directive")
    container = chosen_container(await workload(scene, asked), asked, parameters["container"])["name"]
    running = [pod["metadata"]["name"] for pod in await pods(scene, asked) if container in running_containers(pod)]
    if not running:
        raise NothingRuns(f"no pod of {asked.workload} in namespace {asked.namespace} runs")
    kube = await scene.kube()
    done = await asyncio.gather(
        *(execute(kube, asked.namespace, pod, container, ["nginx", "-T"], timeout=15.0) for pod in running)
    )
    for pod, one in zip(running, done, strict=True):
        if one.exit_code:
            raise Unreachable(f"nginx -T in pod {pod} ended with exit code {one.exit_code}: {one.stderr.strip()[:300]}")
    texts = {pod: one.stdout for pod, one in zip(running, done, strict=True)}
    where = f"{parameters['name']} by nginx -T in {asked.workload} in namespace {asked.namespace}"
    return _told(scene, where, texts, parameters)


def _told(scene: Scene, where: str, texts: Mapping[str, str], parameters: Mapping[str, Any]) -> Observation:
    """The directive's value where every text and place says the same; how often it stands there for ``number``."""
    dimension = Dimension(parameters["as"])
    values: dict[str, list[str]] = {}
    for place, text in texts.items():
        try:
            values[place] = _values(text, parameters)
        except ValueError as error:
            return scene.unseen(dimension, where, f"{place}: {error}", remedy=_BROKEN)
    evidence = {"values": values}
    if parameters["take"] == "number":
        said = {str(len(found)) for found in values.values()}
    else:
        said = {value for found in values.values() for value in found}
        if not all(values.values()):
            problem = f"{parameters['name']} isn't set there, so nginx's own default is in force"
            return scene.unseen(dimension, where, problem, remedy=f"set {parameters['name']}", evidence=evidence)
    if dimension is Dimension.TEXT:
        return scene.told(where, *said, samples=len(texts), evidence=evidence)
    if len(said) > 1:
        problem = f"it says different things: {', '.join(sorted(said))}"
        return scene.unseen(dimension, where, problem, remedy="name the block that is meant", evidence=evidence)
    return stated(scene, where, said.pop(), dimension, evidence=evidence)


def _values(text: str, parameters: Mapping[str, Any]) -> list[str]:
    block, argument = parameters["block"], parameters["argument"]
    found = [one for one in directives(text) if one.name == parameters["name"] and (not block or one.stands_in(block))]
    if parameters["take"] == "number":
        return [" ".join(one.arguments) for one in found]
    return [value for one in found if (value := one.value(argument)) is not None]
