"""What faults are made of: commands with standard input, processes left in a pod, kept Secrets, workloads at rest."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.errors import DrillAborted, Refused
from drillbook.faults import processes
from drillbook.faults.fault import Target
from drillbook.faults.keeping import forget, keep, kept, kept_name
from drillbook.faults.places import Place, place_of, shell, shell_or_abort, wait_place
from drillbook.faults.resting import COMMAND, rest
from drillbook.faults.templates import restore_template, template_put_back
from drillbook.faults.workloads import read_workload, set_replicas, wait_ready
from drillbook.model.policy import Workload
from tests.drills.conftest import NAMESPACE, Solar, system
from tests.faults.live import aimed

__all__ = ["system"]

FRONTEND, FLOWER = Workload("deployment", "frontend"), Workload("deployment", "flower")


async def frontend(system: Solar, kube: Kube) -> Place:
    return await place_of(kube, aimed(system, "noop", "frontend"))


def test_a_command_reads_all_of_its_standard_input(system: Solar) -> None:
    given = random.Random(7).randbytes(200_000)

    async def scene(kube: Kube) -> str:
        place = await frontend(system, kube)
        return (await shell(kube, place, 'head -c "$1" | sha256sum', str(len(given)), stdin=given)).stdout

    assert system.on_kube(scene).split()[0] == hashlib.sha256(given).hexdigest()


def test_a_command_that_fails_says_what_it_said(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        place = await frontend(system, kube)
        with pytest.raises(DrillAborted, match=r"ended with exit code 7 and said: so it is$"):
            await shell_or_abort(kube, place, "echo so it is >&2; exit 7")

    system.on_kube(scene)


def test_a_process_stays_when_its_command_has_ended_and_is_ended_from_anywhere(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        place = await frontend(system, kube)
        begun = asyncio.get_running_loop().time()
        await processes.start(kube, place, "a-test", "while :; do sleep 60; done", seconds=60)
        assert asyncio.get_running_loop().time() - begun < 30
        assert await processes.running(kube, place, "a-test")
        assert not await processes.running(kube, place, "another-test")
        await processes.end(kube, place, "a-test")
        assert not await processes.running(kube, place, "a-test")
        await processes.end(kube, place, "a-test")

    system.on_kube(scene)


def on_this_machine(place: Place) -> list[str]:
    """The process ids, here, of what a test left in that pod; in the sandbox every process is one of ours."""
    mark = f"DRILLBOOK_FAULT={processes.marker_of('a-test', place)}".encode()
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [path.parent.name] if mark in path.read_bytes() else []
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_a_process_dies_with_its_container(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        place = await frontend(system, kube)
        await processes.start(kube, place, "a-test", "while :; do sleep 60; done", seconds=60)
        assert await asyncio.to_thread(on_this_machine, place)
        await kube.delete_pod(NAMESPACE, place.pod, uid=place.uid, grace_seconds=0)
        deadline = asyncio.get_running_loop().time() + 20
        while await asyncio.to_thread(on_this_machine, place):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.2)
        await wait_ready(kube, FRONTEND, NAMESPACE, 2, 60)

    system.on_kube(scene)


def test_what_is_kept_is_read_back_and_forgotten_and_shows_nothing(system: Solar) -> None:
    name = kept_name("a-test", Target("Database", NAMESPACE, "shop", "1/2"))
    document = {"rows": ['{"name": "Ada"}'], "many": 3}

    async def scene(kube: Kube) -> None:
        assert await kept(kube, NAMESPACE, name) is None
        await keep(kube, NAMESPACE, name, document)
        with pytest.raises(Refused, match="holds what an earlier drill broke: finish its undo with `drillbook rec"):
            await keep(kube, NAMESPACE, name, {})
        found = await kube.get(path_of("secrets", NAMESPACE, name))
        assert "Ada" not in str(found)
        assert await kept(kube, NAMESPACE, name) == document
        await forget(kube, NAMESPACE, name)
        await forget(kube, NAMESPACE, name)
        assert await kept(kube, NAMESPACE, name) is None

    system.on_kube(scene)


def test_more_than_a_secret_holds_is_refused_before_anything_is_broken(system: Solar) -> None:
    noise = random.Random(7).randbytes(800_000).hex()
    with pytest.raises(Refused, match=r"has [0-9,]+ bytes, and 700,000 can be"):
        system.on_kube(lambda kube: keep(kube, NAMESPACE, "drillbook-kept-too-much", noise))


def test_names_of_what_is_kept_differ_by_fault_and_target() -> None:
    targets = [Target("Database", "shop", "a", uid) for uid in ("1", "2")]
    names = {kept_name(fault, target) for fault in ("database-rows", "noop") for target in targets}
    assert len(names) == 4
    assert all(len(name) <= 63 and name == name.lower() for name in names)


@pytest.mark.slow
def test_a_workload_comes_to_rest_and_is_woken_with_its_old_template(system: Solar) -> None:
    aim = aimed(system, "noop", "flower")

    async def scene(kube: Kube) -> None:
        put_back = await template_put_back(kube, aim)
        before = await kube.get(path_of("deployments", NAMESPACE, "flower"))
        place = await rest(kube, put_back, 60)
        assert await rest(kube, put_back, 60) == place
        (pod,) = (await read_workload(kube, FLOWER, NAMESPACE)).pods
        assert pod["spec"]["containers"][0]["command"] == COMMAND
        await restore_template(kube, put_back, 60)
        after = await kube.get(path_of("deployments", NAMESPACE, "flower"))
        assert after["spec"] == before["spec"]

    system.on_kube(scene)


def test_an_undo_that_needs_a_pod_says_when_there_is_none(system: Solar) -> None:
    async def scene(kube: Kube) -> None:
        await set_replicas(kube, FLOWER, NAMESPACE, 0)
        try:
            await wait_ready(kube, FLOWER, NAMESPACE, 0, 30)
            with pytest.raises(DrillAborted, match=r"no pod of deployment/flower in .* runs within 0 s"):
                await wait_place(kube, FLOWER, NAMESPACE, 0)
        finally:
            await set_replicas(kube, FLOWER, NAMESPACE, 1)
        await wait_ready(kube, FLOWER, NAMESPACE, 1, 60)

    system.on_kube(scene)
