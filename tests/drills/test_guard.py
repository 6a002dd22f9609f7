"""The guard: every no, and that a doubt is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from drillbook.clients.kube import Kube, Permission, path_of
from drillbook.drills import guard
from drillbook.drills.blast_radius import Radius
from drillbook.drills.drill import rehearse
from drillbook.drills.guard import Clearance, Intent, clear
from drillbook.drills.plan import brief
from drillbook.errors import ConfigError, Refused
from drillbook.faults.noop import Noop
from drillbook.model.environment import EnvironmentClass
from drillbook.model.verdict import Status
from tests.drills.conftest import NAMESPACE, Solar
from tests.judge.records import verdict


def intent(system: Solar) -> Intent:
    return brief(system.order("pod-kill")).intent


def cleared(system: Solar, given: Intent) -> Clearance:
    return system.on_kube(lambda kube: clear(kube, given))


def test_a_rehearsal_names_what_would_be_hit_and_touches_nothing(system: Solar) -> None:
    async def pods(kube: Kube) -> list[str]:
        return [p["metadata"]["uid"] for p in await kube.list(path_of("pods", NAMESPACE))]

    before = system.on_kube(pods)
    found = rehearse(system.order("pod-kill"), system.said.append)
    (target,) = found.choice.chosen
    assert target.name.startswith("backend-")
    assert (found.choice.candidates, found.choice.eligible) == (3, 3)
    assert system.on_kube(pods) == before
    assert system.left_behind() == []


def test_another_cluster_than_the_environments_is_refused(system: Solar) -> None:
    other = replace(system.environment, cluster_uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(
        Refused, match="another cluster than the one of environment sandbox: expected UID 00000000"
    ) as no:
        cleared(system, replace(intent(system), environment=other))
    assert str(no.value).endswith(f"; correct the kubeconfig and context, or cluster.uid, in {other.path}")


def test_a_cluster_that_nobody_can_name_is_refused(system: Solar) -> None:
    nameless = replace(system.environment, environment_class=EnvironmentClass.STAGING, drills_allowed=True)
    with pytest.raises(Refused, match="does not say which cluster it is"):
        guard.expected_cluster(nameless)


def test_a_namespace_that_has_not_opted_in_is_refused(system: Solar) -> None:
    with label(system, None), pytest.raises(Refused, match=r"has not opted in: expected the label drillbook\.dev"):
        cleared(system, intent(system))
    with label(system, "maybe"), pytest.raises(Refused, match="found maybe"):
        cleared(system, intent(system))
    cleared(system, intent(system))


def test_a_namespace_on_its_way_out_is_refused(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    async def going(_kube: Kube, _path: str, **_query: str) -> dict[str, Any]:
        return {"metadata": {"deletionTimestamp": "2026-11-21T12:00:00Z", "labels": dict([guard.OPT_IN])}}

    monkeypatch.setattr(Kube, "get", going)
    with pytest.raises(Refused, match=f"{NAMESPACE} is being deleted: wait until .*`kubectl get namespace {NAMESPACE}"):
        system.on_kube(lambda kube: guard.namespace_opted_in(kube, intent(system)))


@contextmanager
def label(system: Solar, value: str | None) -> Iterator[None]:
    """The opt-in label set to something else, or taken away."""

    async def put(kube: Kube, wanted: str | None) -> None:
        body = {"metadata": {"labels": {guard.OPT_IN[0]: wanted}}}
        await kube.patch(path_of("namespaces", name=NAMESPACE), body)

    system.on_kube(lambda kube: put(kube, value))
    try:
        yield
    finally:
        system.on_kube(lambda kube: put(kube, guard.OPT_IN[1]))


def test_a_component_outside_the_systems_namespaces_is_refused(system: Solar) -> None:
    with pytest.raises(
        Refused, match=f"namespace {NAMESPACE} is not one of the system's: expected one of shop; drill another"
    ):
        cleared(system, replace(intent(system), radius=Radius(frozenset({"shop"}), 1, 100)))


@pytest.mark.parametrize("kind", [EnvironmentClass.STAGING, EnvironmentClass.PRODUCTION])
def test_an_environment_that_does_not_allow_drills_is_refused(system: Solar, kind: EnvironmentClass) -> None:
    closed = replace(system.environment, environment_class=kind, drills_allowed=False)
    with pytest.raises(Refused, match="does not allow drills"):
        cleared_environment(system, replace(intent(system), environment=closed, confirmed=True))


def test_production_is_refused_until_somebody_says_so_and_names_the_system(system: Solar) -> None:
    production = replace(system.environment, environment_class=EnvironmentClass.PRODUCTION, drills_allowed=True)
    given = replace(intent(system), environment=production)
    with pytest.raises(Refused, match="is production, and --production was not said"):
        cleared_environment(system, replace(given, confirmed=True))
    with pytest.raises(Refused, match="is production and nobody confirmed: name the system with --confirm solar"):
        cleared_environment(system, replace(given, production=True))
    cleared_environment(system, replace(given, production=True, confirmed=True))


def test_what_is_not_a_sandbox_wants_the_system_named(system: Solar) -> None:
    staging = replace(system.environment, environment_class=EnvironmentClass.STAGING, drills_allowed=True)
    with pytest.raises(Refused, match="is staging and nobody confirmed"):
        cleared_environment(system, replace(intent(system), environment=staging))


def cleared_environment(system: Solar, given: Intent) -> str:
    return system.on_kube(lambda kube: guard.environment_allows(kube, given))


def test_a_guard_that_cannot_look_refuses(system: Solar) -> None:
    class Falls(Noop):
        async def candidates(self, kube: Kube, aim: Any) -> Any:
            raise ZeroDivisionError("a defect of ours")

    with pytest.raises(Refused, match="the guard itself could not look: a defect of ours"):
        cleared(system, replace(intent(system), fault=Falls()))


def test_a_component_that_is_not_there_is_refused(system: Solar) -> None:
    found = intent(system)
    ghost = replace(found.aim.component, workload=replace(found.aim.component.workload, name="ghost"))  # type: ignore[type-var]
    with pytest.raises(Refused, match=r'"ghost" not found'):
        cleared(system, replace(found, aim=replace(found.aim, component=ghost)))


@pytest.mark.parametrize(
    ("verb", "resource", "purpose"),
    [
        ("delete", "pods", "break"),
        ("patch", "deployments", "repair"),
        ("update", "leases", "lock and journal"),
        ("create", "configmaps", "lock and journal"),
        ("list", "configmaps", "recover"),
        ("list", "poddisruptionbudgets", "look"),
    ],
)
def test_one_verb_less_is_refused_with_its_purpose(
    system: Solar, monkeypatch: pytest.MonkeyPatch, verb: str, resource: str, purpose: str
) -> None:
    """The cluster's authorizer is asked for each verb; here it says no to one of them."""
    really = Kube.allowed

    async def allowed(kube: Kube, permission: Permission) -> bool:
        return await really(kube, permission) and (permission.verb, permission.resource) != (verb, resource)

    monkeypatch.setattr(Kube, "allowed", allowed)
    with pytest.raises(Refused, match=f"may not {verb} {resource}.* which the drill needs to {purpose}"):
        cleared(system, intent(system))


def test_what_the_procedure_needs_is_asked_for_too(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    really = Kube.allowed

    async def allowed(kube: Kube, permission: Permission) -> bool:
        asked.add(str(permission))
        return await really(kube, permission)

    monkeypatch.setattr(Kube, "allowed", allowed)
    cleared(system, brief(system.order("database-kill")).intent)
    assert f"patch deployments.apps in namespace {NAMESPACE}" in asked
    assert f"delete pods in namespace {NAMESPACE}" in asked


def test_a_documented_time_finer_than_the_probes_is_an_error_before_anything_is_looked_at(system: Solar) -> None:
    level = replace(system.policy.severities["P1"], resolution=timedelta(milliseconds=50))
    system.policy = replace(system.policy, severities={**system.policy.severities, "P1": level})
    with pytest.raises(ConfigError, match="the probes look only every 100 ms"):
        brief(system.order("pod-kill"))


def test_an_objective_that_fails_or_that_nobody_can_tell_is_a_refusal() -> None:
    assert guard.objectives_hold([verdict("1")]) == "all 1 objectives hold"
    with pytest.raises(Refused, match="fails already"):
        guard.objectives_hold([verdict("1"), verdict("9")])
    with pytest.raises(Refused, match="all 1 objectives are waived"):
        guard.objectives_hold([replace(verdict("9"), status=Status.WAIVED)])
    unknown = replace(verdict("1"), status=Status.INCONCLUSIVE, reason="no traffic")
    with pytest.raises(Refused, match=r"nobody can tell whether .* holds: no traffic"):
        guard.objectives_hold([unknown])
    with pytest.raises(Refused, match="no objectives"):
        guard.objectives_hold([])
