"""Bad releases of every kind, and workloads scaled down: seen on the pods, and taken back from the old revision."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from drillbook.clients.kube import ApiRefusal, Kube, path_of
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Aim, Landing
from drillbook.faults.image_pull import _never_released
from drillbook.faults.objects import patch_exactly, target_of
from drillbook.model.policy import Component, Workload
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]


async def orders(kube: Kube) -> int:
    """What the backend's Service answers."""
    service = await kube.get(path_of("services", NAMESPACE, "backend"))
    url = f"http://{service['spec']['clusterIP']}:8000/orders"

    def ask() -> int:
        try:
            with urllib.request.urlopen(url, timeout=15) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    return await asyncio.to_thread(ask)


@pytest.mark.slow
def test_a_bad_release_is_ready_and_answers_errors(system: Solar) -> None:
    async def look(kube: Kube, landing: Landing) -> None:
        assert len(landing.evidence["ready and bad"]) == 3
        assert [code >= 500 for code in landing.evidence["answers"].values()] == [True, True, True]
        assert await orders(kube) >= 500

    _, _, told = lived_through(system, "bad-release", aimed(system, "bad-release", "api"), seconds=60, meanwhile=look)
    assert told == "deployment/backend has its 3 ready replicas, put back: template"
    assert system.on_kube(orders) == 200


@pytest.mark.slow
def test_a_release_that_answers_all_the_same_is_no_bad_one(system: Solar) -> None:
    fault, aim = fault_named("bad-release"), aimed(system, "bad-release", "api", variable="HARMLESS", value="x")

    async def scene(kube: Kube) -> Landing:
        from drillbook.drills.landing import wait_landed

        put_back = await fault.put_back(kube, aim)
        targets = [one.target for one in await fault.candidates(kube, aim)]
        await fault.inject(kube, aim, targets)
        try:
            while True:
                seen = await wait_landed(kube, fault, aim, targets, put_back, 0)
                if "answers" in seen.evidence:
                    return seen
                await asyncio.sleep(0.3)
        finally:
            await fault.undo(kube, put_back, 60)

    seen = system.on_kube(scene)
    assert not seen.landed
    assert set(seen.evidence["answers"].values()) == {200}


def test_an_image_that_cannot_be_pulled_stops_the_roll_out_at_its_first_pod(system: Solar) -> None:
    _, landing, _ = lived_through(system, "image-pull", aimed(system, "image-pull", "frontend"))
    assert set(landing.evidence["waiting"].values()) <= {"ErrImagePull", "ImagePullBackOff"}


@pytest.mark.slow
def test_a_crash_loop_takes_all_pods_where_it_is_told_to(system: Solar) -> None:
    aim = aimed(system, "crash-loop", "frontend", all_pods=True)
    _, landing, told = lived_through(system, "crash-loop", aim, seconds=40)
    assert len(landing.evidence["crashed"]) == 2
    assert all(how.startswith("exit code 1") for how in landing.evidence["crashed"].values())
    assert told == "deployment/frontend has its 2 ready replicas, put back: template, strategy"


def test_a_workload_is_scaled_to_nothing_and_back(system: Solar) -> None:
    _, landing, told = lived_through(system, "scale-down", aimed(system, "scale-down", "frontend"))
    assert landing.evidence == {"pods left": []}
    assert told == "deployment/frontend has its 2 ready replicas, put back: replicas"


def test_scaling_up_is_no_fault(system: Solar) -> None:
    aim = aimed(system, "scale-down", "frontend", replicas=2)
    with pytest.raises(Refused, match="it has 2 replicas: scaling it down to 2 is none"):
        system.on_kube(lambda kube: fault_named("scale-down").how(kube, aim))


def test_a_workload_counts_with_all_its_pods(system: Solar) -> None:
    aim = aimed(system, "crash-loop", "api")
    (candidate,) = system.on_kube(lambda kube: fault_named("crash-loop").candidates(kube, aim))
    assert (str(candidate.target), candidate.pods) == ("deployment/backend", 3)


def test_another_object_of_the_same_name_is_never_patched(system: Solar) -> None:
    fault, aim = fault_named("scale-down"), aimed(system, "scale-down", "frontend")

    async def scene(kube: Kube) -> None:
        (candidate,) = await fault.candidates(kube, aim)
        other = replace(candidate.target, uid="00000000-0000-0000-0000-000000000000")
        with pytest.raises(DrillAborted, match="is another object than before"):
            await fault.inject(kube, aim, [other])
        for body in ({"spec": {"replicas": 1}}, [{"op": "replace", "path": "/spec/replicas", "value": 1}]):
            with pytest.raises(ApiRefusal) as refused:
                await patch_exactly(kube, other, body)
            assert refused.value.code in {409, 422}
        found = await kube.get(path_of("deployments", NAMESPACE, "frontend"))
        assert found["spec"]["replicas"] == 2

    system.on_kube(scene)


@pytest.mark.parametrize(
    ("image", "missing"),
    [
        ("ghcr.io/org/api:v1.2.3", "ghcr.io/org/api:drillbook-never-released"),
        ("registry:5000/api", "registry:5000/api:drillbook-never-released"),
        ("api@sha256:abc", "api:drillbook-never-released"),
    ],
)
def test_only_the_tag_of_an_image_is_changed(image: str, missing: str) -> None:
    assert _never_released(image) == missing


@asynccontextmanager
async def stateful(kube: Kube, replicas: int = 1) -> AsyncIterator[Component]:
    """A StatefulSet whose pods do nothing."""
    labels = {"app": "stands-still"}
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 3600"]}
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
    body: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "stands-still"},
        "spec": {
            "serviceName": "none",
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }
    await kube.create(path_of("statefulsets", NAMESPACE), body)
    try:
        while True:
            found = await kube.get(path_of("statefulsets", NAMESPACE, "stands-still"))
            status = found.get("status") or {}
            if status.get("readyReplicas") == replicas and status.get("updateRevision"):
                break
            await asyncio.sleep(0.1)
        yield Component("still", NAMESPACE, Workload("statefulset", "stands-still"))
    finally:
        await kube.delete(path_of("statefulsets", NAMESPACE, "stands-still"))


@pytest.mark.slow
def test_a_stateful_set_gets_its_old_template_back_too(system: Solar) -> None:
    fault = fault_named("crash-loop")

    async def scene(kube: Kube) -> None:
        from drillbook.drills.landing import wait_landed

        async with stateful(kube) as component:
            aim = Aim(component, settings={"all_pods": False})
            before = await kube.get(path_of("statefulsets", NAMESPACE, "stands-still"))
            put_back = await fault.put_back(kube, aim)
            target = target_of("StatefulSet", before)
            await fault.inject(kube, aim, [target])
            assert (await wait_landed(kube, fault, aim, [target], put_back, 30)).landed
            assert (await fault.undo(kube, put_back, 40)).endswith("put back: template")
            after = await kube.get(path_of("statefulsets", NAMESPACE, "stands-still"))
            assert after["spec"] == before["spec"]

    system.on_kube(scene)


@pytest.mark.slow
def test_all_pods_of_a_stateful_set_crash_though_its_roll_out_would_stop_at_the_first(system: Solar) -> None:
    fault = fault_named("crash-loop")

    async def scene(kube: Kube) -> None:
        from drillbook.drills.landing import wait_landed

        async with stateful(kube, replicas=2) as component:
            aim = Aim(component, settings={"all_pods": True})
            before = await kube.get(path_of("statefulsets", NAMESPACE, "stands-still"))
            put_back, target = await fault.put_back(kube, aim), target_of("StatefulSet", before)
            await fault.inject(kube, aim, [target])
            landing = await wait_landed(kube, fault, aim, [target], put_back, 60)
            assert landing.landed, landing.evidence
            assert (await fault.undo(kube, put_back, 60)).startswith(
                "statefulset/stands-still has its 2 ready replicas"
            )
            after = await kube.get(path_of("statefulsets", NAMESPACE, "stands-still"))
            assert after["spec"] == before["spec"]

    system.on_kube(scene)
