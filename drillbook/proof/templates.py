"""A container in a workload's pod template, changed without replacing a pod for it, there or back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from drillbook.clients.kube import Object
from drillbook.model.policy import Component
from drillbook.probes.workloads import chosen_container
from drillbook.proof.stage import Stage

_THROUGH: Final = "NewReplicaSetAvailable"
"""A Deployment's reason where its rollout has come to its end."""
_ROLLOUT_SECONDS: Final = 90.0


async def container_of(stage: Stage, component: Component, wanted: str | None) -> tuple[int, Object]:
    """Place and specification of the container that an objective means, as its probe chooses it."""
    owner = await stage.workload(component)
    chosen = chosen_container(owner, component, wanted)
    containers = owner["spec"]["template"]["spec"]["containers"]
    return [one["name"] for one in containers].index(chosen["name"]), chosen


@asynccontextmanager
async def held_template(stage: Stage, component: Component, index: int, change: Object) -> AsyncIterator[None]:
    """Change a container of the pod template (a JSON patch's operation below it) while its rollout is held."""
    held: Object = {"op": "add", "path": "/spec/paused", "value": True}
    if component.workload is not None and component.workload.kind != "deployment":
        held = {"op": "add", "path": "/spec/updateStrategy", "value": {"type": "OnDelete"}}
    at, path = f"/spec/template/spec/containers/{index}", stage.workload_path(component)
    told, was_held = await _progress(stage, component), False
    try:
        async with stage.changed(path, [held, {**change, "path": at + change["path"]}]):
            was_held = True
            yield
    finally:
        if was_held and told and told[0]["reason"] == _THROUGH:
            # A pause is the last that the condition tells of, and when the rollout before it ended it tells no more.
            what = f"{component.workload} to go on"
            await stage.until(what, lambda: _goes_on(stage, component, told[0]["lastUpdateTime"]), _ROLLOUT_SECONDS)
            await stage.kube.patch(f"{path}/status", {"status": {"conditions": told}}, "strategic")


async def _progress(stage: Stage, component: Component) -> list[Object]:
    """What the workload's status says of its rollout: one condition, or none."""
    conditions = ((await stage.workload(component)).get("status") or {}).get("conditions") or ()
    return [one for one in conditions if one["type"] == "Progressing"]


async def _goes_on(stage: Stage, component: Component, before: str) -> bool:
    """Whether the pause is over for the controller too: it wrote the condition anew."""
    now = await _progress(stage, component)
    return bool(now) and now[0]["reason"] == _THROUGH and now[0]["lastUpdateTime"] != before


async def rolled_out(stage: Stage, component: Component) -> bool:
    """Whether every replica runs the newest specification and is Ready."""
    owner = await stage.workload(component)
    status, wanted = owner.get("status") or {}, owner["spec"].get("replicas", 1)
    if int(status.get("observedGeneration", 0)) < int(owner["metadata"].get("generation", 0)):
        return False
    replicas = (status.get("updatedReplicas"), status.get("readyReplicas"), status.get("replicas"))
    return all(number == wanted for number in replicas)
