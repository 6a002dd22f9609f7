"""The log pipeline is down: what takes the logs, or what ships them, isn't there any more, and users notice nothing.

What takes them (a collector, a search engine) is a component, and is scaled to zero. What ships them runs on every node
as a DaemonSet, which can't be scaled: its pods are kept away by a node selector that no node answers to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import DrillAborted, Refused
from drillbook.faults.creating import LABEL
from drillbook.faults.fault import Aim, Candidate, Landing, Needs, PutBack, Target, Traces
from drillbook.faults.objects import find_exactly, patch_exactly, path_to, same_object, target_of
from drillbook.faults.services import ready_addresses
from drillbook.faults.settings import Setting
from drillbook.faults.templates import TemplateFault
from drillbook.faults.workloads import POLL_SECONDS, is_going

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object, Objects

NOWHERE: Final = {LABEL: "log-pipeline-down"}
"""The labels of no node at all."""
SELECTOR: Final = "/spec/template/spec/nodeSelector"
GENERATION: Final = "metadata.annotations.deprecated.daemonset.template.generation"


class LogPipelineDown(TemplateFault):
    """Scales the sink to zero, or keeps a shipper's pods from every node."""

    name = "log-pipeline-down"
    about = "Logs go nowhere: what takes them, or what ships them, is stopped, and users notice nothing."
    settings: ClassVar = {
        "shipper": Setting("", "a DaemonSet of the component's namespace that ships the logs; empty: the component"),
    }
    kills = True

    def change(self, found: Object, aim: Aim) -> Object:
        if int(found["spec"].get("replicas", 1)) == 0:
            raise Refused("it has no replicas: nothing takes the logs as it is")
        return {"spec": {"replicas": 0}}

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        namespace = aim.component.namespace
        if aim.settings["shipper"]:
            both = (
                Permission("get", "daemonsets", "apps", namespace),
                Permission("patch", "daemonsets", "apps", namespace),
                Permission("list", "pods", "", namespace),
            )
            return Needs(both, both)
        needs = super().needs(aim)
        return Needs(
            (*needs.to_break, Permission("list", "endpointslices", "discovery.k8s.io", namespace)), needs.to_repair
        )

    async def how(self, kube: Kube, aim: Aim) -> str:
        if not aim.settings["shipper"]:
            return await super().how(kube, aim)
        shipper = target_of("DaemonSet", await _shipper(kube, aim))
        return f"{shipper} gets a node selector that no node answers to, so that its controller deletes its pods"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        if not aim.settings["shipper"]:
            return await super().candidates(kube, aim)
        found = await _shipper(kube, aim)
        pods = len(await _pods(kube, aim.component.namespace, found["spec"]["selector"]))
        return (Candidate(target_of("DaemonSet", found), "" if pods else "has no pods as it is", pods=max(1, pods)),)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        if not aim.settings["shipper"]:
            return await super().put_back(kube, aim)
        found = await _shipper(kube, aim)
        target = target_of("DaemonSet", found)
        selector = found["spec"]["template"]["spec"].get("nodeSelector")
        return {"namespace": target.namespace, "shipper": target.name, "uid": target.uid, "selector": selector}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        if not aim.settings["shipper"]:
            return await super().inject(kube, aim, targets)
        for target in targets:
            await patch_exactly(kube, target, [{"op": "add", "path": SELECTOR, "value": NOWHERE}])
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        if not targets:
            return Landing(False)
        if aim.settings["shipper"]:
            selector = (await _shipper(kube, aim))["spec"]["selector"]
            names = [pod["metadata"]["name"] for pod in await _pods(kube, aim.component.namespace, selector)]
            return Landing(not names, {"pods left": names})
        landing = await super().landed(kube, aim, targets, before)
        if not aim.component.service:
            return landing
        # A pod on its way out may take logs for a while; what its Service leads nobody to takes none.
        left = sorted(await ready_addresses(kube, aim.component.namespace, aim.component.service))
        return Landing(landing.landed and not left, {**landing.evidence, "addresses left": left})

    def seen(self, aim: Aim, pods: Sequence[Object], before: PutBack) -> Landing:
        names = [pod["metadata"]["name"] for pod in pods]
        return Landing(not names, {"pods left": names})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        if "shipper" not in put_back:
            return await super().undo(kube, put_back, seconds)
        namespace, name = str(put_back["namespace"]), str(put_back["shipper"])
        target = Target("DaemonSet", namespace, name, str(put_back["uid"]))
        found = await find_exactly(kube, target)
        same_object(target, found)
        wanted = put_back["selector"]
        if found is not None and found["spec"]["template"]["spec"].get("nodeSelector") != wanted:
            change: Object = {"op": "remove"} if wanted is None else {"op": "replace", "value": wanted}
            await patch_exactly(kube, target, [{**change, "path": SELECTOR}])
        count = await _wait_everywhere(kube, target, seconds)
        return f"{target} has its {count} ready pods"

    def traces(self, aim: Aim, before: PutBack) -> Traces:
        if "shipper" not in before:
            return super().traces(aim, before)
        return {("DaemonSet", str(before["namespace"]), str(before["shipper"])): (GENERATION,)}


async def _shipper(kube: Kube, aim: Aim) -> Object:
    from drillbook.clients.kube import path_of

    name, namespace = str(aim.settings["shipper"]), aim.component.namespace
    found = await kube.find(path_of("daemonsets", namespace, name))
    if found is None:
        raise Refused(f"there is no DaemonSet {namespace}/{name}, which the experiment calls what ships the logs")
    return found


async def _pods(kube: Kube, namespace: str, selector: Object) -> Objects:
    """Those that stay."""
    from drillbook.clients.kube import path_of, selector_text

    found = await kube.list(path_of("pods", namespace), labels=selector_text(selector))
    return [pod for pod in found if not is_going(pod)]


async def _wait_everywhere(kube: Kube, target: Target, seconds: float) -> int:
    """Wait until every node that it is for has a ready pod of its newest template. Raises DrillAborted."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = await kube.get(path_to(target))
        status, seen = found.get("status") or {}, found["metadata"].get("generation", 0)
        wanted, ready = (int(status.get(key, 0)) for key in ("desiredNumberScheduled", "numberReady"))
        fresh = status.get("observedGeneration", 0) >= seen and status.get("updatedNumberScheduled", 0) == wanted
        if fresh and ready == wanted:
            return wanted
        if loop.time() >= deadline:
            raise DrillAborted(
                f"{target} in namespace {target.namespace} is not back: expected {wanted} ready pods within "
                f"{seconds:g} s, found {ready}; see `kubectl -n {target.namespace} get pods`"
            )
        await asyncio.sleep(POLL_SECONDS)
