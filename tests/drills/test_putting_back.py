"""What a procedure changes is put back: every kind of object, with all that people decide of it, and safely twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills import kept_objects, putting_back
from drillbook.drills.putting_back import Changes
from drillbook.drills.recovery import expected_changes
from drillbook.drills.residue import ANY
from drillbook.drills.steps.objects import PLURALS
from drillbook.faults.fault import PutBack
from drillbook.faults.keeping import LABEL as KEPT
from drillbook.faults.templates import KINDS
from drillbook.faults.workloads import set_replicas
from drillbook.model.policy import Policy, Procedure, Workload
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import read, steps

FLOWER = Workload("deployment", "flower")
BOOKKEEPING = {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}
HTTP: Object = {"port": 80, "protocol": "TCP", "targetPort": 80}
POD: Object = {"containers": [{"name": "c", "image": "busybox:1", "env": [{"name": "TOKEN", "value": "very-secret"}]}]}
JOB: Object = {"spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}}}

OBJECTS: dict[str, tuple[Object, Object]] = {
    "ConfigMap": ({"binaryData": {"b": "AAEC"}}, {"data": {"a": "1"}, "binaryData": None}),
    "Service": ({"spec": {"selector": {"app": "x"}, "ports": [HTTP]}}, {"spec": {"selector": {"app": "y"}}}),
    "Ingress": (
        {"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}},
        {"spec": {"defaultBackend": {"service": {"name": "y"}}}},
    ),
    "NetworkPolicy": (
        {"spec": {"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Ingress"]}},
        {"spec": {"policyTypes": ["Ingress", "Egress"]}},
    ),
    "ResourceQuota": ({"spec": {"hard": {"services": "50"}}}, {"spec": {"hard": {"services": "60"}}}),
    "CronJob": (
        {"spec": {"schedule": "0 4 1 1 *", "jobTemplate": JOB}},
        {"spec": {"schedule": "0 5 1 1 *", "suspend": True}},
    ),
    "HorizontalPodAutoscaler": (
        {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, "maxReplicas": 2}},
        {"spec": {"maxReplicas": 3}},
    ),
}  # fmt: skip
"""Of each kind one object, and what a procedure makes of it."""


def api_version(kind: str) -> str:
    return path_of(PLURALS[kind]).removeprefix("/apis/").removeprefix("/api/").rpartition("/")[0]


def decided(found: Object) -> Object:
    """What people decide of an object."""
    meta = {key: value for key, value in found["metadata"].items() if key not in BOOKKEEPING}
    return {key: value for key, value in found.items() if key != "status"} | {"metadata": meta}


@pytest.fixture
def made(system: Solar) -> Any:
    """Makes objects that are gone after the test."""
    paths: list[str] = []

    async def clean(kube: Kube) -> None:
        for path in paths:
            if found := await kube.find(path):
                await kube.delete(path, uid=found["metadata"]["uid"])

    def make(kind: str, name: str, more: Object) -> str:
        paths.append(path_of(PLURALS[kind], NAMESPACE, name))
        meta = {"name": name, "labels": {"a": "1"}, "annotations": {"note": "ours"}}
        body = {"apiVersion": api_version(kind), "kind": kind, "metadata": meta, **more}
        system.on_kube(lambda kube: kube.create(path_of(PLURALS[kind], NAMESPACE), body))
        return paths[-1]

    yield make
    system.on_kube(clean)


async def kept_of(kube: Kube, changes: Changes) -> tuple[PutBack, ...]:
    kept = await putting_back.keep(kube, changes)
    await putting_back.seal(kube, kept)
    return kept


async def put_all(kube: Kube, kept: tuple[PutBack, ...]) -> list[str]:
    return [await putting_back.put(kube, one) for one in kept]


@pytest.mark.parametrize("kind", sorted(OBJECTS))
def test_an_object_that_was_changed_or_deleted_is_as_it_was(
    system: Solar, made: Callable[[str, str, Object], str], kind: str
) -> None:
    more, change = OBJECTS[kind]
    path, changes = made(kind, "drillbook-kept", more), {(kind, NAMESPACE, "drillbook-kept"): (ANY,)}

    async def scene(kube: Kube) -> None:
        before = await kube.get(path)
        kept = await kept_of(kube, changes)
        assert "very-secret" not in str(kept)
        await kube.patch(path, {"metadata": {"labels": {"a": "2"}, "annotations": {"note": None, "b": "3"}}, **change})
        assert await put_all(kube, kept) == [f"{kind} drillbook-kept is as it was"]
        assert await put_all(kube, kept) == [""]
        assert decided(await kube.get(path)) == decided(before)
        kept = await kept_of(kube, changes)
        await kube.delete(path, uid=before["metadata"]["uid"])
        assert await put_all(kube, kept) == [f"{kind} drillbook-kept is there again"]
        assert decided(await kube.get(path)) == decided(before)
        assert await kube.list(path_of("secrets", NAMESPACE), labels=KEPT) == []

    system.on_kube(scene)


@pytest.mark.parametrize("kind", sorted(OBJECTS))
def test_an_object_that_was_made_is_gone_again(
    system: Solar, made: Callable[[str, str, Object], str], kind: str
) -> None:
    changes = {(kind, NAMESPACE, "drillbook-made"): (ANY,)}
    kept = system.on_kube(lambda kube: kept_of(kube, changes))
    path = made(kind, "drillbook-made", OBJECTS[kind][0])
    for expected in ([f"{kind} drillbook-made is gone again"], [""]):
        assert system.on_kube(lambda kube: put_all(kube, kept)) == expected
    assert system.on_kube(lambda kube: kube.find(path)) is None


@pytest.mark.parametrize("more", [{}, {"binaryData": {"b": "AAEC"}}])
def test_a_config_map_without_data_is_never_taken_for_one_that_was_not_there(
    system: Solar, made: Callable[[str, str, Object], str], more: Object
) -> None:
    path = made("ConfigMap", "drillbook-empty", more)

    async def scene(kube: Kube) -> Object:
        kept = await kept_of(kube, {("ConfigMap", NAMESPACE, "drillbook-empty"): ("data",)})
        await kube.patch(path, {"data": {"a": "1"}})
        await put_all(kube, kept)
        return await kube.get(path)

    found = system.on_kube(scene)
    assert ("data" in found, found.get("binaryData")) == (False, more.get("binaryData"))


def test_a_service_that_came_back_with_another_address_gets_the_old_one(
    system: Solar, made: Callable[[str, str, Object], str]
) -> None:
    path = made("Service", "drillbook-moved", OBJECTS["Service"][0])

    async def scene(kube: Kube) -> tuple[Object, Object]:
        before = await kube.get(path)
        kept = await kept_of(kube, {("Service", NAMESPACE, "drillbook-moved"): (ANY,)})
        await kube.delete(path)
        spare = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "drillbook-moved"}}
        await kube.create(path_of("services", NAMESPACE), {**spare, "spec": {"ports": [HTTP]}})
        await put_all(kube, kept)
        return before, await kube.get(path)

    before, after = system.on_kube(scene)
    assert decided(before) == decided(after)


def test_every_kind_that_a_step_may_touch_is_put_back_or_said_to_be_left() -> None:
    left = {"Job", "Namespace", "PersistentVolumeClaim", "Secret"}
    assert kept_objects.PUT_BACK | kept_objects.WORKLOADS | left == set(PLURALS)
    assert set(KINDS.values()) == kept_objects.WORKLOADS


def routine(system: Solar, *texts: str) -> Policy:
    """Solar with a procedure of these steps."""
    like = next(iter(system.policy.procedures.values()))
    made = Procedure("routine", like.source, (), None, steps(system.policy, *texts))
    return replace(system.policy, procedures={**system.policy.procedures, "routine": made})


def test_replicas_and_templates_are_put_back_and_a_restart_is_not(system: Solar) -> None:
    image = read(system, "deployments", "flower")["spec"]["template"]["spec"]["containers"][0]["image"]
    policy = routine(system, f"{{type: set_image, component: flower, image: '{image}-other'}}",
                     "{type: scale, component: flower, replicas: 2}")  # fmt: skip
    restart = routine(system, "{type: rollout_restart, component: flower}")

    async def change(kube: Kube) -> None:
        (kept,) = await putting_back.keep(kube, expected_changes(policy, policy.procedures["routine"]))
        assert kept["what"] == "template"
        await set_replicas(kube, FLOWER, NAMESPACE, 2)
        await putting_back.put(kube, kept)
        await putting_back.see_back(kube, kept, 60)
        assert await putting_back.keep(kube, expected_changes(restart, restart.procedures["routine"])) == ()

    system.on_kube(change)
    assert read(system, "deployments", "flower")["spec"]["replicas"] == 1


def test_a_deployment_that_a_procedure_makes_is_gone_again(system: Solar) -> None:
    changes = {("Deployment", NAMESPACE, "drillbook-made"): (ANY,)}
    labels = {"app": "drillbook-made"}
    template = {"metadata": {"labels": labels}, "spec": POD}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "drillbook-made"}, "spec": spec}

    async def scene(kube: Kube) -> list[str]:
        kept = await kept_of(kube, changes)
        await kube.create(path_of("deployments", NAMESPACE), body)
        return await put_all(kube, kept)

    assert system.on_kube(scene) == ["Deployment drillbook-made is gone again"]


def test_the_permissions_to_put_back_are_asked_for_before_anything_is_touched(system: Solar) -> None:
    policy = routine(system, "{type: set_image, component: flower, image: 'other:v1'}")
    wanted = putting_back.needs(expected_changes(policy, policy.procedures["routine"]))
    assert {"get replicasets", "patch deployments"} <= {f"{one.verb} {one.resource}" for one in wanted}
    changes = {("Ingress", NAMESPACE, "a"): (ANY,), ("Service", NAMESPACE, "b"): ("spec.ports",)}
    asked = {f"{one.verb} {one.resource}" for one in putting_back.needs(changes)}
    ingress = {f"{verb} ingresses" for verb in ("get", "patch", "create", "delete")}
    assert asked == {*ingress, "get services", "patch services"}


def test_what_is_put_back_may_not_differ_any_more() -> None:
    deployment, service = ("Deployment", NAMESPACE, "a"), ("Service", NAMESPACE, "b")
    job, node = ("Job", NAMESPACE, "c"), ("Node", "", ANY)
    changes = {deployment: ("spec.replicas",), service: ("spec.ports",), job: (ANY,), node: ("spec.unschedulable",)}
    assert putting_back.left(changes) == {job: (ANY,)}
    rolled = {putting_back.LEFT, putting_back.REVISION}
    assert putting_back.left({deployment: ("spec.template.spec",), service: (ANY,)}) == {
        deployment: rolled,
        service: {"metadata.uid"},
    }
