"""A namespace is lost and made again from what was kept elsewhere; a drill of it asks for more than any other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills.landing import wait_landed
from drillbook.drills.lock import Both, Lock, drill_lock, holder_of
from drillbook.drills.outlasting import lock_outlasts, other_namespace
from drillbook.drills.plan import brief
from drillbook.errors import Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Aim
from drillbook.faults.keeping import LABEL as KEPT
from drillbook.faults.workloads import wait_ready
from drillbook.model.environment import EnvironmentClass
from drillbook.model.policy import Component, Workload
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import lived_through

__all__ = ["system"]

LOST = "namespace-lost"
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "green"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "data": {"password": "c2VjcmV0"}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "pause"},
    "spec": {"selector": {"app": "pause"}, "ports": [{"port": 80}]},
}


@pytest.fixture
def other(system: Solar) -> Iterator[tuple[Solar, Aim]]:
    """A small namespace of its own beside Solar's, and an aim at it: what is on Solar's volumes must not go."""
    name = f"lost-{os.getpid()}"

    async def make(kube: Kube) -> None:
        labels = {"drillbook.dev/drills": "allowed"}
        await kube.create(
            path_of("namespaces"),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        )
        for plural, body in (("configmaps", SETTINGS), ("secrets", SECRET), ("services", SERVICE)):
            await kube.create(path_of(plural, name), body)
        flower = await kube.get(path_of("deployments", NAMESPACE, "frontend"))
        await kube.create(path_of("deployments", name), deployment(flower))
        await wait_ready(kube, Workload("deployment", "pause"), name, 2, 60)

    async def clear(kube: Kube) -> None:
        if await kube.find(path_of("namespaces", name=name)):
            await kube.delete(path_of("namespaces", name=name))

    system.on_kube(make)
    component = Component("pause", name, workload=Workload("deployment", "pause"))
    ours = replace(system.policy, components={**system.policy.components, "pause": component})
    yield replace(system, policy=ours), Aim(component, pods=1, settings={"data": "here"}, home=NAMESPACE)
    system.on_kube(clear)


def deployment(like: Object) -> Object:
    """Two pods of an image that the sandbox knows, which need nothing beside themselves."""
    container = like["spec"]["template"]["spec"]["containers"][0]
    labels = {"app": "pause"}
    run = {"name": "pause", "image": container["image"], "command": ["sleep", "3600"]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [run], "terminationGracePeriodSeconds": 1}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "pause"}, "spec": spec}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_namespace_is_lost_and_made_again_with_all_that_was_in_it(other: tuple[Solar, Aim]) -> None:
    system, aim = other
    namespace = aim.component.namespace

    async def gone(kube: Kube, landing: object) -> None:
        assert await kube.find(path_of("namespaces", name=namespace)) is None

    said, landing, told = lived_through(system, LOST, aim, seconds=60, meanwhile=gone)
    assert f"is deleted, and made again from 4 objects that are kept in namespace {NAMESPACE}" in said
    assert landing.evidence["namespace"] == "gone"
    assert "4 objects made, 0 changed back, 1 workloads ready" in told

    async def content(kube: Kube) -> tuple[Object, Object, Object]:
        return (
            await kube.get(path_of("namespaces", name=namespace)),
            await kube.get(path_of("configmaps", namespace, "settings")),
            await kube.get(path_of("secrets", namespace, "password")),
        )

    space, settings, secret = system.on_kube(content)
    assert space["metadata"]["labels"]["drillbook.dev/drills"] == "allowed"
    assert (settings["data"], secret["data"]) == (SETTINGS["data"], SECRET["data"])


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_a_procedure_made_otherwise_is_as_it_was_after_the_undo(other: tuple[Solar, Aim]) -> None:
    system, aim = other
    fault, namespace = fault_named(LOST), aim.component.namespace

    async def scene(kube: Kube) -> str:
        put_back = await fault.put_back(kube, aim)
        targets = [one.target for one in await fault.candidates(kube, aim)]
        await fault.inject(kube, aim, targets)
        assert (await wait_landed(kube, fault, aim, targets, put_back, 60)).landed
        await kube.create(
            path_of("namespaces"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )
        placeholder = {**SECRET, "data": {"password": "Y2hhbmdlLW1l"}}
        await kube.create(path_of("secrets", namespace), placeholder)
        told = await fault.undo(kube, put_back, 60)
        assert (await kube.get(path_of("secrets", namespace, "password")))["data"] == SECRET["data"]
        assert await kube.list(path_of("secrets", NAMESPACE), labels=KEPT) == []
        return told

    assert "3 objects made, 1 changed back" in system.on_kube(scene)


def test_lock_and_journal_are_in_another_namespace_or_the_drill_is_refused(system: Solar) -> None:
    order = system.order("pod-kill", experiment=LOST, component="api")
    intent = brief(order).intent
    assert intent.home == system.environment.journal == "default"
    told = system.on_kube(lambda kube: lock_outlasts(kube, intent))
    assert told.endswith("lock and journal are in namespace default")
    alone = replace(intent, aim=replace(intent.aim, home=""))
    with pytest.raises(Refused, match=r"with it lock and journal: .* say `journal: NAMESPACE` in .*sandbox.yaml"):
        system.on_kube(lambda kube: lock_outlasts(kube, alone))
    nowhere = replace(intent, aim=replace(intent.aim, home="no-such"))
    with pytest.raises(Refused, match="in namespace no-such, which is not there: create it"):
        system.on_kube(lambda kube: lock_outlasts(kube, nowhere))


def test_outside_of_a_sandbox_it_is_production_everywhere_and_the_data_must_be_elsewhere(system: Solar) -> None:
    intent = brief(system.order("pod-kill", experiment=LOST, component="api")).intent
    staging = replace(intent, environment=replace(system.environment, environment_class=EnvironmentClass.STAGING))
    with pytest.raises(Refused, match="--production was not said"):
        system.on_kube(lambda kube: lock_outlasts(kube, staging))
    meant = replace(staging, production=True)
    with pytest.raises(Refused, match=r"the data of its claims \(.+\) for good: .* found none"):
        system.on_kube(lambda kube: lock_outlasts(kube, meant))
    elsewhere = replace(meant, aim=replace(meant.aim, settings={"data": "elsewhere"}))
    assert "takes namespace" in system.on_kube(lambda kube: lock_outlasts(kube, elsewhere))


def test_the_other_namespace_is_the_environments_or_the_systems_own(system: Solar, tmp_path: Path) -> None:
    policy, environment = system.policy, replace(system.environment, journal=None)
    assert other_namespace(policy, environment, NAMESPACE) == ""
    assert other_namespace(policy, environment, "elsewhere") == NAMESPACE
    assert other_namespace(policy, replace(environment, journal=NAMESPACE), NAMESPACE) == ""


def test_two_locks_are_held_together_or_not_at_all_and_one_may_vanish(system: Solar) -> None:
    assert isinstance(drill_lock(NAMESPACE, NAMESPACE, "run/a"), Lock)
    both = drill_lock("lost-not-there", NAMESPACE, "run/a")
    assert isinstance(both, Both)
    other = Lock(NAMESPACE, "run/b")
    system.on_kube(other.take)
    try:
        with pytest.raises(Refused, match="run/b"):
            system.on_kube(both.take)
        assert system.on_kube(lambda kube: holder_of(kube, NAMESPACE)) == "run/b"
    finally:
        system.on_kube(other.release)

    async def renewed(kube: Kube) -> None:
        # Its namespace is away: nobody has taken the lock, and nobody can.
        await both.locks[1]._renew(kube)

    system.on_kube(renewed)
