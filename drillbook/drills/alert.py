"""The alert that the runbook names for this failure, watched through the drill in the Prometheus that evaluates it.

Whoever is on call acts when the alert fires. So before a procedure is followed the drill waits for it, as long as the
loaded rule promises and a little more, unless that is longer than anybody wants to wait for.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from drillbook.drills.duration import ALERT_SECONDS
from drillbook.drills.work import Work
from drillbook.errors import DrillbookError, Unreachable
from drillbook.judge.detection import FIRING, AlertLook, AlertSight
from drillbook.model.expression import looks_back, prom_seconds
from drillbook.model.policy import Component, Policy, Severity

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.clients.prometheus import Prometheus, Rule
    from drillbook.clients.reach import Endpoint

LOOK_SECONDS: Final = 0.5
SLACK_SECONDS: Final = 2.0
"""How long beyond what a rule promises somebody waits, so that a late alert is seen late."""
POLL_SECONDS: Final = 0.1
LOADED: Final = "alert.loaded"
"""The indicator of the objectives that want an alert's rule loaded; they say its severity."""


def watch_the_alert(work: Work) -> None:
    """From now on, on the background loop. Nothing where the drill names no alert."""
    name = work.order.plan.alert
    if not name:
        return
    sight = AlertSight(name, documented=documented_severity(work.order.policy, name))
    try:
        work.found.alert = work.connections.run(_first_look(work, sight))
    except DrillbookError as error:
        work.found.alert = replace(sight, problem=str(error))
        return
    if work.found.alert.loaded:
        work.alert_watch = work.connections.start(_look_for_ever(work))


def wait_for_the_alert(work: Work) -> None:
    """Before a procedure's first step; the platform's own recovery waits for nobody."""
    sight, injecting = work.found.alert, work.found.injecting
    if work.alert_watch is None or sight is None or injecting is None or work.briefing.procedure is None:
        return
    if sight.limit_seconds > ALERT_SECONDS or work.routine:
        return
    work.say(f"waiting for alert {sight.alert}, which the loaded rule promises within {sight.limit_seconds:g} s")
    while work.now() - injecting < sight.limit_seconds + SLACK_SECONDS and not _is(work, FIRING):
        work.keep_on()
        time.sleep(POLL_SECONDS)


def see_the_alert_clear(work: Work) -> None:
    """After the recovery; an alert that looks back for long is watched a while, and the report says how long."""
    sight = work.found.alert
    if work.alert_watch is None or sight is None:
        return
    begun = work.now()
    longest = min(ALERT_SECONDS, sight.limit_seconds - sight.for_seconds + SLACK_SECONDS)
    if _is(work, FIRING):
        work.say(f"waiting for alert {sight.alert} to clear, at most {longest:.0f} s")
    while work.now() - begun < longest and _is(work, FIRING):
        work.keep_on()
        time.sleep(POLL_SECONDS)
    # One more look: what is seen must be of after the recovery.
    while not any(look.at >= begun for look in _looks(work)) and work.now() - begun < 2 * SLACK_SECONDS:
        time.sleep(POLL_SECONDS)
    work.alert_watch.cancel()


def documented_severity(policy: Policy, alert: str) -> Severity | None:
    """By the objective that wants the alert's rule loaded; None where there is none."""
    found = (one for one in policy.objectives if one.indicator == LOADED and one.parameters.get("alert") == alert)
    return next((one.severity for one in found), None)


def _looks(work: Work) -> tuple[AlertLook, ...]:
    return work.found.alert.looks if work.found.alert else ()


def _is(work: Work, state: str) -> bool:
    looks = _looks(work)
    return bool(looks) and looks[-1].state == state


async def _first_look(work: Work, sight: AlertSight) -> AlertSight:
    from drillbook.clients.prometheus import open_prometheus

    endpoint, ca = await _where(work)
    async with open_prometheus(endpoint, ca=ca) as prometheus:
        return await first_look(prometheus, sight, work.now())


async def first_look(prometheus: Prometheus, sight: AlertSight, at: float) -> AlertSight:
    """What the loaded rule says, and its state, seen ``at`` that time. Raises Unreachable where nothing answers."""
    rules = await _rules(prometheus, sight.alert)
    if not rules:
        return replace(sight, loaded=False)
    intervals = [prom_seconds(one.interval) for one in await prometheus.targets()]
    rule = max(rules, key=lambda one: one.seconds)
    return replace(
        sight,
        for_seconds=rule.seconds,
        evaluation_seconds=rule.interval,
        scrape_seconds=max(intervals, default=0.0),
        looks_back_seconds=looks_back(rule.expression),
        severity=rule.labels.get("severity", ""),
        looks=(AlertLook(at, _state(rules)),),
    )


async def _look_for_ever(work: Work) -> None:
    """A look that fails is none: what was between two others is not known then, and the judge counts it so."""
    from drillbook.clients.prometheus import open_prometheus

    endpoint, ca = await _where(work)
    async with open_prometheus(endpoint, ca=ca) as prometheus:
        while work.found.alert is not None:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                state = _state(await _rules(prometheus, work.found.alert.alert))
            except Unreachable:
                continue
            look = AlertLook(work.now(), state)
            work.found.alert = replace(work.found.alert, looks=(*work.found.alert.looks, look))


async def _where(work: Work) -> tuple[Endpoint, Path | None]:
    from drillbook.clients.access import authority_of
    from drillbook.clients.reach import http_endpoint

    component = _prometheus(work.order.policy)
    endpoint = await http_endpoint(work.connections.kube.itself, work.order.environment, component)
    return endpoint, authority_of(work.order.environment, component.id)


def _prometheus(policy: Policy) -> Component:
    found = [one for one in policy.components.values() if one.engine == "prometheus"]
    if len(found) != 1:
        raise Unreachable(f"expected one component with engine: prometheus, the policy has {len(found)}")
    return found[0]


async def _rules(prometheus: Prometheus, name: str) -> tuple[Rule, ...]:
    return tuple(one for one in await prometheus.alerting_rules() if one.name == name)


def _state(rules: tuple[Rule, ...]) -> str:
    """The worst of all rules of that name."""
    states = {one.state for one in rules}
    return next((state for state in (FIRING, "pending") if state in states), "inactive")
