"""The guard's bounds: windows, disruption budgets, the environment's leash, the lock of another drill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SetClock
from drillbook.drills.blast_radius import Radius
from drillbook.drills.disruption import budgets_allow
from drillbook.drills.guard import Clearance, Intent, clear, windows_allow
from drillbook.drills.lock import Lock
from drillbook.drills.plan import brief
from drillbook.errors import Refused
from drillbook.faults.fault import Candidate, Target
from drillbook.model.environment import EnvironmentClass
from drillbook.model.window import Window, WindowRule
from tests.drills.conftest import NAMESPACE, Solar

NIGHT = Window("backup", WindowRule.FORBIDDEN, time(2), time(3), UTC, "UTC", where="runbook.txt:12")
IN_IT = SetClock(datetime(2026, 11, 21, 2, 30, tzinfo=UTC))
JUST_BEFORE = SetClock(datetime(2026, 11, 21, 1, 59, tzinfo=UTC))
BY_DAY = SetClock(datetime(2026, 11, 21, 12, tzinfo=UTC))


def intent(system: Solar) -> Intent:
    return brief(system.order("pod-kill")).intent


def cleared(system: Solar, given: Intent, clock: SetClock | None = None) -> Clearance:
    return system.on_kube(lambda kube: clear(kube, given, clock) if clock else clear(kube, given))


def test_a_backup_window_of_the_runbook_is_honoured_where_people_depend_on_it(system: Solar) -> None:
    given = intent(system)
    staging = replace(system.environment, environment_class=EnvironmentClass.STAGING)
    real = replace(given, policy=replace(system.policy, windows=(NIGHT,)), environment=staging)
    for clock in (IN_IT, JUST_BEFORE):
        with pytest.raises(Refused, match=r"^not injecting: the window backup \(every day 02:00 to 03:00 UTC"):
            windows_allow(real, clock)
    assert windows_allow(real, BY_DAY) == "1 windows allow it now"
    sandbox = replace(real, environment=system.environment)
    assert windows_allow(sandbox, IN_IT) == "no window says when drills are allowed"


def test_a_window_of_the_environment_itself_holds_in_a_sandbox_too(system: Solar) -> None:
    closed = replace(system.environment, windows=(NIGHT,))
    given = replace(intent(system), environment=closed)
    with pytest.raises(Refused, match="the window backup"):
        cleared(system, given, IN_IT)
    assert "1 windows allow it now" in cleared(system, given, BY_DAY).looked_at


@pytest.mark.parametrize("leash", [{"most_pods": 0}, {"most_percent": 30}])
def test_no_experiment_may_hit_more_than_the_environment_allows(system: Solar, leash: dict[str, Any]) -> None:
    short = replace(system.environment, **leash)
    said = "more than the blast radius allows.*raise most_pods and most_percent of experiment pod-kill, and leash.pods"
    with pytest.raises(Refused, match=said) as refused:
        cleared(system, replace(intent(system), environment=short))
    assert str(refused.value).endswith(f"and leash.percent of {short.path}")
    wide = replace(system.environment, most_pods=10, most_percent=100)
    wider = replace(intent(system), environment=wide, aim=replace(intent(system).aim, pods=2))
    with pytest.raises(Refused, match="at most 1 pods"):
        cleared(system, wider)


@pytest.mark.parametrize(("pods", "percent"), [(-1, 50), (1, -1), (1, 101), (1, float("nan")), (1, float("inf"))])
def test_a_radius_that_is_no_bound_cannot_be_made(pods: int, percent: float) -> None:
    with pytest.raises(ValueError, match="expected at most 0 or more pods and 0 to 100 percent"):
        Radius(frozenset({NAMESPACE}), pods, percent)


@contextmanager
def budget(system: Solar, spec: dict[str, Any]) -> Iterator[None]:
    """A PodDisruptionBudget that its controller has seen."""
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "ours"}, "spec": spec}

    async def make(kube: Kube) -> None:
        await kube.create(path_of("poddisruptionbudgets", NAMESPACE), body)
        path = path_of("poddisruptionbudgets", NAMESPACE, "ours")
        while "disruptionsAllowed" not in ((await kube.get(path)).get("status") or {}):
            pass

    system.on_kube(make)
    try:
        yield
    finally:
        system.on_kube(lambda kube: kube.delete(path_of("poddisruptionbudgets", NAMESPACE, "ours")))


BACKEND = {"matchLabels": {"app": "backend"}}


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"minAvailable": 3, "selector": BACKEND}, False),
        ({"minAvailable": 2, "selector": BACKEND}, True),
        ({"maxUnavailable": 0, "selector": {}}, False),
        ({"minAvailable": 3, "selector": {"matchLabels": {"app": "frontend"}}}, True),
        (
            {"minAvailable": "100%", "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
            False,
        ),
    ],
)
def test_a_disruption_budget_without_room_is_a_refusal(system: Solar, spec: dict[str, Any], allowed: bool) -> None:
    with budget(system, spec):
        if allowed:
            cleared(system, intent(system))
        else:
            with pytest.raises(Refused, match=rf"PodDisruptionBudget {NAMESPACE}/ours allows 0 .* would hit 1"):
                cleared(system, intent(system))


def test_an_experiment_that_is_meant_to_break_a_budget_says_so(system: Solar) -> None:
    given = intent(system)
    with budget(system, {"maxUnavailable": 0, "selector": {}}):
        found = cleared(system, replace(given, radius=replace(given.radius, within_budgets=False)))
    assert "meant to break them" in found.looked_at[-1]


@pytest.mark.parametrize("drill", ["bad-release", "dependency-down"])
def test_a_target_that_stands_for_pods_is_held_to_their_budget(system: Solar, drill: str) -> None:
    """A Deployment or a Service that is broken takes every one of its pods out."""
    given = brief(system.order("pod-kill", experiment=drill, component="api")).intent
    within = replace(given, radius=replace(given.radius, within_budgets=True))
    with budget(system, {"minAvailable": 1, "selector": BACKEND}):
        with pytest.raises(Refused, match=rf"PodDisruptionBudget {NAMESPACE}/ours allows 2 .* would hit 3"):
            cleared(system, within)
        assert "meant to break them" in cleared(system, given).looked_at[-1]
    with budget(system, {"minAvailable": 1, "selector": {"matchLabels": {"app": "frontend"}}}):
        assert cleared(system, within).looked_at[-1] == "0 disruption budgets cover the targets, and allow it"


def test_a_database_stands_for_the_pod_that_it_is_in_and_a_secret_for_none(system: Solar) -> None:
    given = brief(system.order("pod-kill", experiment="database-lock", component="database")).intent
    within = replace(given, radius=replace(given.radius, within_budgets=True))
    secret = brief(system.order("pod-kill", experiment="certificate-lost", component="api")).intent
    with budget(system, {"maxUnavailable": 0, "selector": {}}):
        with pytest.raises(Refused, match="allows 0 of its pods to be disrupted now, and the drill would hit 1"):
            cleared(system, within)
        assert "no pod is hit, so no disruption budget is asked" in cleared(system, secret).looked_at


def test_a_node_that_is_drained_needs_room_for_one_eviction_after_the_other(system: Solar) -> None:
    given = brief(system.order("pod-kill", experiment="node-drain", component="api")).intent
    with budget(system, {"maxUnavailable": 1, "selector": {}}):
        assert cleared(system, given).looked_at[-1] == "1 disruption budgets cover the targets, and allow it"
    with budget(system, {"maxUnavailable": 0, "selector": {}}), pytest.raises(Refused, match="allows 0 of its pods"):
        cleared(system, given)


async def no_status(kube: Kube, path: str, **_: Any) -> list[dict[str, Any]]:
    if "poddisruptionbudgets" in path:
        meta = {"name": "new", "namespace": NAMESPACE, "generation": 2}
        return [
            {"metadata": meta, "spec": {"selector": {}}, "status": {"disruptionsAllowed": 9, "observedGeneration": 1}}
        ]
    return [{"metadata": {"uid": "u"}}]


def test_a_budget_that_its_controller_has_not_seen_is_a_doubt(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kube, "list", no_status)
    hit = [Candidate(Target("Pod", NAMESPACE, "p", "u"))]
    with pytest.raises(Refused, match="doesn't say yet how many disruptions it allows"):
        system.on_kube(lambda kube: budgets_allow(kube, system.policy.components["api"], hit))


def test_a_rehearsal_tells_of_another_drill_and_takes_no_lock(system: Solar) -> None:
    other = Lock(NAMESPACE, "another/drill")
    system.on_kube(other.take)
    try:
        with pytest.raises(Refused, match="another drill holds the lock"):
            cleared(system, intent(system))
    finally:
        system.on_kube(other.release)
    assert "no other drill holds the lock" in cleared(system, intent(system)).looked_at


def test_a_lock_that_does_not_say_until_when_is_held(system: Solar) -> None:
    path = path_of("leases", NAMESPACE, "drillbook-drill")
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "drillbook-drill"}}

    async def scene(kube: Kube) -> None:
        await kube.create(path_of("leases", NAMESPACE), {**body, "spec": {"holderIdentity": "somebody"}})
        try:
            await Lock(NAMESPACE, "run/drill").take(kube)
        finally:
            await kube.delete(path)

    with pytest.raises(Refused, match=r"nobody can tell whether the lock .* has expired"):
        system.on_kube(scene)
