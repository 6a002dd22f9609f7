"""A container in a workload's pod template, changed without replacing a pod for it, there or back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from drillbook.clients.kube import Object
from drillbook.clock import iso
from drillbook.model.policy import Component
from drillbook.probes.workloads import chosen_container
from drillbook.proof.stage import Stage

_AGAIN: Final = "kubectl.kubernetes.io/restartedAt"
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
    try:
        async with stage.changed(path, [held, {**change, "path": at + change["path"]}]):
            yield
    finally:
        if _is_timed(stage, component):
            # A pause leaves no record of how long the last rollout took, so there has to be another one.
            await stage.kube.patch(
                path, {"spec": {"template": {"metadata": {"annotations": {_AGAIN: iso(datetime.now(UTC))}}}}}
            )
            what = f"the rollout of {component.workload}"
            await stage.until(what, lambda: rolled_out(stage, component), _ROLLOUT_SECONDS)


def _is_timed(stage: Stage, component: Component) -> bool:
    same = [one.id for one in stage.policy.components.values() if one.workload == component.workload]
    return any(stage.asking("rollout.took", component=name) for name in same)


async def rolled_out(stage: Stage, component: Component) -> bool:
    """Whether every replica runs the newest specification and is Ready."""
    owner = await stage.workload(component)
    status, wanted = owner.get("status") or {}, owner["spec"].get("replicas", 1)
    if int(status.get("observedGeneration", 0)) < int(owner["metadata"].get("generation", 0)):
        return False
    replicas = (status.get("updatedReplicas"), status.get("readyReplicas"), status.get("replicas"))
    return all(number == wanted for number in replicas)
