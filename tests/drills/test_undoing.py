"""The whole undo: newest change first, all of it tried, and what isn't back said in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills import putting_back
from drillbook.drills.journal import Entry, new_entry
from drillbook.drills.residue import ANY
from drillbook.drills.undoing import undo_all
from drillbook.errors import DrillAborted
from drillbook.faults.fault import Aim
from drillbook.faults.pod_kill import PodKill
from drillbook.faults.replicas import replicas_back, replicas_now
from drillbook.faults.templates import restore_template, template_put_back
from drillbook.faults.workloads import set_replicas, wait_ready
from drillbook.model.policy import Workload
from drillbook.model.verdict import Status
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import read
from tests.drills.test_putting_back import decided, routine

FLOWER = Workload("deployment", "flower")
MAPS = path_of("configmaps", NAMESPACE)


async def flower_scaled(kube: Kube, system: Solar, **more: Any) -> Entry:
    """An entry of flower's replicas by the fault, and of a ConfigMap that the procedure made; both are changed."""
    back = {**await replicas_now(kube, system.policy.components["flower"]), **more}
    kept = await putting_back.keep(kube, {("ConfigMap", NAMESPACE, "drillbook-made"): (ANY,)})
    await set_replicas(kube, FLOWER, NAMESPACE, 2)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "drillbook-made"}}
    if await kube.find(f"{MAPS}/drillbook-made") is None:
        await kube.create(MAPS, body)
    return await new_entry(kube, "run/undo", "pod-kill", NAMESPACE, back, procedure=kept)


def test_what_the_procedure_changed_is_put_back_before_the_fault_is_undone(
    system: Solar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was changed later; and a fault's undo may wait for what the procedure changed."""
    seen: list[Any] = []
    undo = PodKill.undo

    async def watched(self: PodKill, kube: Kube, put_back: Any, seconds: float) -> str:
        seen.append(await kube.find(f"{MAPS}/drillbook-made"))
        return await undo(self, kube, put_back, seconds)

    monkeypatch.setattr(PodKill, "undo", watched)

    async def scene(kube: Kube) -> tuple[str, str]:
        entry = await flower_scaled(kube, system)
        return await undo_all(kube, entry, 60), await undo_all(kube, entry, 60)

    first, second = system.on_kube(scene)
    ready = "deployment/flower has its 1 ready replicas"
    assert first == f"ConfigMap drillbook-made is gone again, {ready}, put back from 2 replicas"
    assert second == ready
    assert seen == [None, None]


def test_one_that_fails_keeps_none_of_the_others_from_being_put_back(system: Solar) -> None:
    async def scene(kube: Kube) -> str:
        entry = await flower_scaled(kube, system, uid="another")
        bad = {"what": "object", "kind": "Nonsense", "namespace": NAMESPACE, "name": "x", "existed": False}
        both = replace(entry, procedure=(bad, *entry.procedure, bad))
        with pytest.raises(DrillAborted) as raised:
            await undo_all(kube, both, 5)
        assert await kube.find(f"{MAPS}/drillbook-made") is None
        await set_replicas(kube, FLOWER, NAMESPACE, 1)
        return str(raised.value)

    said = system.on_kube(scene)
    assert "deployment/flower in namespace solar-pv-llm-ai is another object than before the drill" in said
    assert said.count("a defect of Drillbook's own: KeyError: 'Nonsense'") == 1


def test_what_needs_another_thing_to_be_back_is_tried_once_more(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    put = putting_back.put

    async def first_too_early(kube: Kube, one: Any) -> str:
        tried.append(one["name"])
        if len(tried) == 1:
            raise DrillAborted("too early")
        return await put(kube, one)

    monkeypatch.setattr(putting_back, "put", first_too_early)
    system.on_kube(lambda kube: _undone(kube, system))
    assert tried == ["drillbook-made", "drillbook-made"]


async def _undone(kube: Kube, system: Solar) -> str:
    return await undo_all(kube, await flower_scaled(kube, system), 60)


HPA = path_of("horizontalpodautoscalers", NAMESPACE)
CPU: Object = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}
WANTS_TWO: Object = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "flower"},
    "minReplicas": 2,
    "maxReplicas": 2,
    "metrics": [{"type": "Resource", "resource": CPU}],
}


def test_an_undo_beside_an_autoscaler_takes_as_many_pods_as_that_wants(system: Solar) -> None:
    aim = Aim(system.policy.components["flower"])

    async def scene(kube: Kube) -> list[str]:
        counted, template = await replicas_now(kube, aim.component), await template_put_back(kube, aim)
        body = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "drillbook-two"},
        }
        await kube.create(HPA, {**body, "spec": WANTS_TWO})
        try:
            await wait_ready(kube, FLOWER, NAMESPACE, 2, 60)
            told = [await replicas_back(kube, counted, 20), await restore_template(kube, template, 20)]
            await wait_ready(kube, FLOWER, NAMESPACE, 2, 60)
        finally:
            await kube.delete(f"{HPA}/drillbook-two")
            await replicas_back(kube, counted, 60)
        return told

    for told in system.on_kube(scene):
        assert told.startswith("deployment/flower has its ")


LABELLED = """
apiVersion: v1
kind: Service
metadata: {name: flower, namespace: solar-pv-llm-ai, labels: {drilled: "yes"}}
"""


@pytest.mark.parametrize("puts_back", [True, False])
def test_a_service_that_a_procedure_changes_is_put_back_and_compared(
    system: Solar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, puts_back: bool
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "service.yaml").write_text(LABELLED)
    system.policy = replace(system.policy, path=tmp_path / "own" / "policy.yaml")
    system.policy = routine(system, "{type: apply, file: service.yaml}")
    before = read(system, "services", "flower")
    if not puts_back:
        monkeypatch.setattr(putting_back, "put", nothing)
    found = system.drill(system.order("pod-restarted", experiment="noop", procedure="routine"))
    if puts_back:
        assert found.status is Status.PASS, found.reason
        assert decided(read(system, "services", "flower")) == decided(before)
    else:
        (sentence,) = found.residue or ()
        assert "Service solar-pv-llm-ai/flower is changed" in sentence
        assert sentence.endswith("metadata.labels.drilled")
        remove = [{"op": "remove", "path": "/metadata/labels/drilled"}]
        system.on_kube(lambda kube: kube.patch(path_of("services", NAMESPACE, "flower"), remove))
    assert system.left_behind() == []


async def nothing(kube: Kube, one: Any) -> str:
    return ""
