"""Alert rules as they are loaded, and whether they say what their threshold means; queries likewise; who is told.

That a rule is there proves little: it can be in another unit than its threshold, look at each series alone, or be
silent exactly when what it watches is gone. So it is tried, by Prometheus' own ``promtool``, on series with the fault
and without.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from drillbook.clients.access import authority_of
from drillbook.clients.http import Request, open_http
from drillbook.clients.prometheus import Prometheus, Rule
from drillbook.clients.promtool import AlertRule, receivers_of, wrong_on
from drillbook.clients.reach import http_endpoint
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.expression import metrics_in, spoken_of
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.prometheus import prometheus_of
from drillbook.probes.scene import Scene

_EVALUATED_WITHIN: Final = 5.0
"""Seconds to wait for a rule that was loaded a moment ago to be evaluated for the first time."""
_AT_ONCE: Final = 2
"""How many promtools run at the same time: each keeps a core busy for a moment."""


async def loaded(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """1 where an alert of that name is loaded and each of its rules can be evaluated, else 0."""
    prometheus, name = await prometheus_of(scene), str(parameters["alert"])
    where = f"rule {name} at {prometheus.where}"
    deadline = scene.clock.monotonic() + _EVALUATED_WITHIN
    rules = await _rules(scene, prometheus, name)
    while any(one.health == "unknown" for one in rules) and scene.clock.monotonic() < deadline:
        await asyncio.sleep(0.5)
        rules = tuple(one for one in await prometheus.alerting_rules() if one.name == name)
    evidence = {"rules": [_told(one) for one in rules]}
    if any(one.health == "unknown" for one in rules):
        problem = "it is loaded, and was never evaluated"
        return scene.unseen(Dimension.COUNT, where, problem, remedy="wait for its group's interval", evidence=evidence)
    good = bool(rules) and all(one.health == "ok" for one in rules)
    return scene.seen(Dimension.COUNT, where, int(good), evidence=evidence)


async def findings(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How often the rules of that name are silent on what their threshold speaks of, or fire on what isn't it."""
    prometheus, name = await prometheus_of(scene), str(parameters["alert"])
    where = f"rule {name} at {prometheus.where}"
    rules = await _rules(scene, prometheus, name)
    if not rules:
        return scene.unseen(
            Dimension.COUNT, where, "no such rule is loaded", remedy="load it, or name the one there is"
        )
    subject = spoken_of(scene.policy, str(parameters["of"]))
    wrong: list[str] = []
    for rule in rules:
        async with await _turn(scene):
            tried = AlertRule(rule.name, rule.expression, rule.seconds)
            wrong += await wrong_on(tried, subject.scenarios, subject.labels)
    evidence = {
        "rules": [_told(one) for one in rules],
        "about": subject.objective.id,
        "scenarios": [one.name for one in subject.scenarios],
        "wrong": wrong,
    }
    spot = f"{where}: {wrong[0]}" if wrong else where
    return scene.seen(Dimension.COUNT, spot, len(wrong), samples=len(subject.scenarios), evidence=evidence)


async def query_findings(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """In how many ways a query isn't what its threshold speaks of; a metric that nobody exports is one more."""
    prometheus, query = await prometheus_of(scene), str(parameters["query"])
    subject = spoken_of(scene.policy, str(parameters["of"]))
    async with await _turn(scene):
        tried = AlertRule("Query", subject.alerting(query))
        wrong = [*await wrong_on(tried, subject.scenarios, subject.labels)]
    wrong += [f"there is no metric {name}" for name in metrics_in(query) if not await _exists(scene, prometheus, name)]
    evidence = {
        "query": query,
        "about": f"{subject.objective.id}: fires {subject.fires}",
        "scenarios": [one.name for one in subject.scenarios],
        "wrong": wrong,
    }
    where = f"query {query}"
    spot = f"{where}: {wrong[0]}" if wrong else where
    return scene.seen(Dimension.COUNT, spot, len(wrong), samples=len(subject.scenarios), evidence=evidence)


async def receiver(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The channels through which an alert of that severity is told, as the Alertmanager's configuration routes it."""
    found = [one for one in scene.policy.components.values() if one.engine == "alertmanager"]
    if len(found) != 1:
        raise ConfigError(f"expected one component with engine: alertmanager; the policy has {len(found)}")
    endpoint = await http_endpoint(scene.kube, scene.environment, found[0])
    async with open_http(endpoint, ca=authority_of(scene.environment, found[0].id), timeout=5.0) as client:
        answer = await client.send(Request("GET", "/api/v2/status"))
    where = f"Alertmanager at {endpoint}, severity {parameters['severity']}"
    if answer.status != 200:
        raise Unreachable(f"{where}: /api/v2/status was answered with {answer.status or answer.problem}")
    try:
        configuration = str(json.loads(answer.body)["config"]["original"])
    except (ValueError, LookupError, TypeError) as error:
        raise Unreachable(f"{where}: /api/v2/status has no configuration: is it an Alertmanager?") from error
    told = await receivers_of(configuration, {"severity": str(parameters["severity"])})
    evidence = {"receivers": list(told.names), "channels": list(told.channels)}
    return scene.told(where, ", ".join(told.channels) or "nobody", evidence=evidence)


async def _rules(scene: Scene, prometheus: Prometheus, name: str) -> tuple[Rule, ...]:
    found = await scene.once("alerting rules", prometheus.alerting_rules)
    return tuple(one for one in found if one.name == name)


async def _exists(scene: Scene, prometheus: Prometheus, metric: str) -> bool:
    """Whether the metric has any series; one that a young Prometheus hasn't scraped yet is waited for."""
    deadline = scene.clock.monotonic() + _EVALUATED_WITHIN
    while not await prometheus.query(f"count({metric})"):
        if scene.clock.monotonic() > deadline:
            return False
        await asyncio.sleep(0.5)
    return True


async def _turn(scene: Scene) -> asyncio.Semaphore:
    async def make() -> asyncio.Semaphore:
        return asyncio.Semaphore(_AT_ONCE)

    return await scene.once("promtool", make)


def _told(rule: Rule) -> dict[str, Any]:
    return {
        "group": rule.group,
        "expression": rule.expression,
        "for_seconds": rule.seconds,
        "labels": dict(rule.labels),
        "health": rule.health,
        "state": rule.state,
        "problem": rule.problem,
    }
