"""How alerts are broken: in the rules that Prometheus has loaded, in what it scrapes, and in who is told.

A rule is broken where a team would break it, in the ConfigMap that it is loaded from; where the policy keeps what its
runbook documents, the rule becomes that.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import yaml

from drillbook.clients.access import authority_of
from drillbook.clients.http import Request, open_http
from drillbook.clients.kube import Object, path_of
from drillbook.clients.prometheus import Prometheus, open_prometheus
from drillbook.clients.promtool import AlertRule, wrong_on
from drillbook.clients.reach import Endpoint, http_endpoint
from drillbook.model.expression import metrics_in, spoken_of
from drillbook.model.policy import Component, Objective
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Unplantable, Violation

_LOADED_WITHIN: Final = 30.0
"""Seconds for a changed configuration to be mounted, noticed and loaded."""
_NEVER: Final = "vector(0) > 1"
"""An alert that never fires."""
_NOBODY: Final = "nobody-is-told"

type Document = dict[str, Any]


@asynccontextmanager
async def rule_gone(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The rule has another name, as after a change that forgot who asks for it."""
    name = str(objective.parameters["alert"])

    def renamed(rule: Document) -> None:
        rule["alert"] = f"{name}Renamed"

    async with _rules_with(stage, objective, renamed) as where:
        yield Planted(f"{where}: rule {name} is called {name}Renamed", _about(stage, name))


@asynccontextmanager
async def rule_misled(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The rule's expression is the documented one where that misleads, else one that never fires."""
    name, parameters = str(objective.parameters["alert"]), stage.parameters(objective)
    documented, about = str(parameters["documented"]), spoken_of(stage.policy, str(parameters["of"]))
    misleads = documented and await wrong_on(AlertRule(name, documented), about.scenarios, about.labels)
    expression = documented if misleads else _NEVER

    def changed(rule: Document) -> None:
        rule["expr"] = expression

    async with _rules_with(stage, objective, changed) as where:
        yield Planted(f"{where}: rule {name} is {expression}", _about(stage, name))


@asynccontextmanager
async def metric_dropped(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A metric that the query asks for isn't kept any more."""
    metric = metrics_in(str(objective.parameters["query"]))[0]
    implied = {
        one.id
        for one in stage.objectives
        if metric in metrics_in(str(one.parameters.get("query") or "")) or _remembered(one)
    }
    drop = {"source_labels": ["__name__"], "regex": metric, "action": "drop"}
    async with _dropping(stage, "metric_relabel_configs", drop, metric) as where:
        yield Planted(f"{where}: {metric} is dropped", frozenset(implied))


@asynccontextmanager
async def target_dropped(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Prometheus scrapes the component's targets no more, as if they were gone."""
    job = stage.component(objective).service
    implied = {one.id for one in stage.objectives if _remembered(one) and one.component == objective.component}
    drop = {"source_labels": ["job"], "regex": job, "action": "drop"}
    async with _dropping(stage, "relabel_configs", drop, f'up{{job="{job}"}}') as where:
        yield Planted(f"{where}: job {job} is dropped", frozenset(implied))


@asynccontextmanager
async def _dropping(stage: Stage, relabelling: str, drop: Document, series: str) -> AsyncIterator[str]:
    """All scrape jobs drop something, and Prometheus has no more of these series; at the end it has them again."""
    component = _engine(stage, "prometheus")
    path, key, document = await _file_with(stage, component, "configMap", lambda text: "scrape_configs" in text)
    for job in document["scrape_configs"]:
        job[relabelling] = [*(job.get(relabelling) or ()), drop]
    async with open_prometheus(await _endpoint(stage, component)) as prometheus:

        async def is_kept() -> bool:
            return bool(await prometheus.query(f"count({series})"))

        async def is_gone() -> bool:
            return not await is_kept()

        try:
            async with stage.changed(path, {"data": {key: yaml.safe_dump(document)}}):
                await stage.until(f"no series {series} in Prometheus", is_gone, _LOADED_WITHIN)
                yield f"{path} {key}"
        finally:
            await stage.until(f"series {series} in Prometheus", is_kept, _LOADED_WITHIN)


@asynccontextmanager
async def told_to_nobody(stage: Stage, _objective: Objective) -> AsyncIterator[Planted]:
    """Every alert goes to a receiver that tells nobody."""
    component = _engine(stage, "alertmanager")
    path, key, document = await _file_with(stage, component, "secret", lambda text: "receivers" in text)
    document["receivers"].append({"name": _NOBODY})
    document["route"] = {"receiver": _NOBODY}
    encoded = base64.b64encode(yaml.safe_dump(document).encode()).decode()
    endpoint = await _endpoint(stage, component)

    async with open_http(endpoint, ca=authority_of(stage.environment, component.id), timeout=5.0) as client:

        async def is_loaded(wanted: bool) -> bool:
            await client.send(Request("POST", "/-/reload"))
            answer = await client.send(Request("GET", "/api/v2/status"))
            return answer.status == 200 and (_NOBODY.encode() in answer.body) is wanted

        try:
            async with stage.changed(path, {"data": {key: encoded}}):
                await stage.until("the Alertmanager's new routes", lambda: is_loaded(True), _LOADED_WITHIN)
                yield Planted(f"{path} {key}: all alerts go to {_NOBODY}", stage.asking("alert.receiver"))
        finally:
            await stage.until("the Alertmanager's own routes", lambda: is_loaded(False), _LOADED_WITHIN)


@asynccontextmanager
async def _rules_with(stage: Stage, objective: Objective, change: Callable[[Document], None]) -> AsyncIterator[str]:
    """A rule is changed in the file that it is loaded from, and Prometheus has loaded it; at the end as before."""
    component, name = _engine(stage, "prometheus"), str(objective.parameters["alert"])
    path, key, document = await _file_with(stage, component, "configMap", lambda text: f"alert: {name}" in text)
    rules = [rule for rule in _alerts(document) if rule["alert"] == name]
    if not rules:
        raise Unplantable(f"{objective.id}: no rule {name} in {key} of {path}")
    for rule in rules:
        change(rule)
    async with open_prometheus(await _endpoint(stage, component)) as prometheus:
        before = await _loaded(prometheus)

        async def is_changed() -> bool:
            return await _loaded(prometheus) != before

        async def is_as_before() -> bool:
            return not await is_changed()

        try:
            async with stage.changed(path, {"data": {key: yaml.safe_dump(document)}}):
                await stage.until(f"another rule {name} in Prometheus", is_changed, _LOADED_WITHIN)
                yield f"{path} {key}"
        finally:
            await stage.until(f"rule {name} in Prometheus as it was", is_as_before, _LOADED_WITHIN)


async def _loaded(prometheus: Prometheus) -> list[tuple[str, str]]:
    return sorted((rule.name, rule.expression) for rule in await prometheus.alerting_rules())


async def _file_with(
    stage: Stage, component: Component, kind: str, fits: Callable[[str], bool]
) -> tuple[str, str, Document]:
    """The object, its key and the document in it that a volume of the component's pods is made of."""
    template = (await stage.workload(component))["spec"]["template"]["spec"]
    for volume in template.get("volumes") or ():
        source = volume.get(kind)
        if not source:
            continue
        resource = "configmaps" if kind == "configMap" else "secrets"
        path = path_of(resource, component.namespace, source.get("name") or source["secretName"])
        found: Object = await stage.kube.get(path)
        for key, value in (found.get("data") or {}).items():
            text = value if kind == "configMap" else base64.b64decode(value).decode()
            if fits(text):
                return path, key, yaml.safe_load(text)
    raise Unplantable(f"no {kind} that {component.workload} mounts holds what is to be broken")


def _alerts(document: Document) -> Iterator[Document]:
    return (rule for group in document.get("groups") or () for rule in group.get("rules") or () if "alert" in rule)


def _engine(stage: Stage, engine: str) -> Component:
    found = [one for one in stage.policy.components.values() if one.engine == engine]
    if len(found) != 1:
        raise Unplantable(f"expected one component of engine {engine}, the policy has {len(found)}")
    return found[0]


async def _endpoint(stage: Stage, component: Component) -> Endpoint:
    return await http_endpoint(stage.kube.itself, stage.environment, component)


def _about(stage: Stage, alert: str) -> frozenset[str]:
    """Everything that asks for the same rule."""
    return frozenset(one.id for one in stage.objectives if one.parameters.get("alert") == alert)


def _remembered(objective: Objective) -> bool:
    """Whether it asks what Prometheus has scraped, and not what its rules are."""
    return objective.via == "prometheus" and not objective.indicator.startswith(("query.", "alert."))


VIOLATIONS: Final = (
    Violation("alert.loaded", rule_gone, within=60.0),
    Violation("alert.findings", rule_misled, within=60.0),
    Violation("query.findings", metric_dropped, within=60.0),
    Violation("service.up/prometheus", target_dropped, within=60.0),
    Violation("alert.receiver", told_to_nobody, within=60.0),
)
