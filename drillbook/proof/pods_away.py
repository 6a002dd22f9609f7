"""Pods that go and don't come back for a while, and pods that are there and shouldn't be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from drillbook.clients.kube import Object, path_of
from drillbook.model.policy import Component
from drillbook.proof.stage import Stage

_TAINT: Final = {"key": "drillbook-proof", "value": "held-back", "effect": "NoSchedule"}
NAME: Final = "drillbook-proof"
"""What every object is called that a violation creates."""


@asynccontextmanager
async def held_back(stage: Stage, component: Component, ready: int) -> AsyncIterator[str]:
    """So many pods of the component are left Ready; the others were deleted, and no node takes their replacements.

    Neither its specification nor its autoscaler changes, as when a cluster has no room.
    """
    async with AsyncExitStack() as until_back:
        for node in await stage.kube.list(path_of("nodes")):
            # A JSON patch that adds to what is there: the taints of others stay.
            taints = (node.get("spec") or {}).get("taints")
            value = _TAINT if taints else [_TAINT]
            where = "/spec/taints/-" if taints else "/spec/taints"
            patch: list[Object] = [{"op": "add", "path": where, "value": value}]
            await until_back.enter_async_context(stage.changed(path_of("nodes", name=node["metadata"]["name"]), patch))
        pods = await stage.pods(component)
        for pod in pods[ready:]:
            meta = pod["metadata"]
            await stage.kube.delete_pod(component.namespace, meta["name"], uid=meta["uid"], grace_seconds=1)
        await stage.until(f"{ready} Ready pods of {component.workload}", lambda: _has_ready(stage, component, ready))
        yield f"{component.workload}: {len(pods) - ready} of {len(pods)} pods deleted, and no node takes new ones"


@asynccontextmanager
async def straggler(stage: Stage, component: Component, image: str, container: str) -> AsyncIterator[str]:
    """One more pod with the workload's labels, which its controller doesn't own, and whose container has that image."""
    template = (await stage.workload(component))["spec"]["template"]
    spec = {**template["spec"], "containers": [dict(one) for one in template["spec"]["containers"]]}
    for one in spec["containers"]:
        if one["name"] == container:
            one["image"] = image
    # Its volumes are the others': a second pod can't have them, and one that never starts needs none.
    spec["volumes"] = []
    for one in spec["containers"]:
        one["volumeMounts"] = []
    body: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{NAME}-straggler", "labels": template["metadata"]["labels"]},
        "spec": spec,
    }
    async with stage.present(path_of("pods", component.namespace), body):
        yield f"one more pod with the labels of {component.workload}: its container {container} has image {image}"


async def _has_ready(stage: Stage, component: Component, ready: int) -> bool:
    return int(((await stage.workload(component)).get("status") or {}).get("readyReplicas", 0)) == ready
