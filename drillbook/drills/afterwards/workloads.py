"""Post-conditions of workloads: how many pods there are, which image they run, whether they are new, and fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion, until_settled
from drillbook.drills.steps.ground import component_of
from drillbook.drills.steps.workloads import may
from drillbook.faults.workloads import WorkloadState, is_going, read_workload, workload_of
from drillbook.judge import afterwards as judged
from drillbook.judge.outcome import Outcome, holds
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Object, Permission


async def _state(occasion: Occasion, entry: Entry) -> WorkloadState:
    component = occasion.component(entry)
    return await read_workload(occasion.ground.kube, workload_of(component), component.namespace)


async def staying_pods(occasion: Occasion, entry: Entry) -> Mapping[str, str]:
    """The names of the workload's pods that aren't on their way out, by UID."""
    pods = (await _state(occasion, entry)).pods
    return {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in pods if not is_going(pod)}


async def _count(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    kept["replicas"] = (await _state(occasion, entry)).replicas


async def _replicas(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    said = entry.values["replicas"]
    wanted = kept["replicas"] if said is None else said
    component = occasion.component(entry)

    async def look() -> Outcome:
        state = await _state(occasion, entry)
        scaler = await _autoscaler(occasion, component.namespace, state) if state.replicas != wanted else ""
        return judged.replicas(wanted, said is None, state.replicas, state.ready, scaler)

    return await until_settled(look, occasion.settle_seconds)


async def _autoscaler(occasion: Occasion, namespace: str, state: WorkloadState) -> str:
    """The autoscaler of the workload whose bounds its replicas keep to; empty where there is none."""
    from drillbook.clients.kube import path_of

    for one in await occasion.ground.kube.list(path_of("horizontalpodautoscalers", namespace)):
        spec, target = one["spec"], one["spec"]["scaleTargetRef"]
        same = (target["kind"].lower(), target["name"]) == (state.workload.kind, state.workload.name)
        if same and spec.get("minReplicas", 1) <= state.replicas <= spec["maxReplicas"]:
            return f"HorizontalPodAutoscaler {one['metadata']['name']}"
    return ""


def _images(pod: Object) -> Mapping[str, str]:
    return {one["name"]: str(one["image"]) for one in pod["spec"]["containers"]}


async def _know_the_images(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    pods = [pod for pod in (await _state(occasion, entry)).pods if not is_going(pod)]
    kept["images"] = _images(pods[0]) if pods else {}


async def _live(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    intended = entry.values["image"] or kept["images"]

    async def look() -> Outcome:
        pods = (await _state(occasion, entry)).pods
        return judged.images(intended, {pod["metadata"]["name"]: _images(pod) for pod in pods if not is_going(pod)})

    return await until_settled(look, occasion.settle_seconds)


async def _know_the_pods(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    kept["pods"] = await staying_pods(occasion, entry)


async def _replaced(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    async def look() -> Outcome:
        pods = (await _state(occasion, entry)).pods
        return judged.replaced(kept["pods"], {pod["metadata"]["uid"] for pod in pods})

    return await until_settled(look, occasion.settle_seconds)


async def _fits(occasion: Occasion, entry: Entry, _kept: Kept) -> Outcome:
    """A pod without a node waits for room; one that has a node and isn't Ready is another matter."""
    named = judged.objectives(entry.values["hold"], occasion.objectives) if entry.values["hold"] else holds("")

    async def look() -> Outcome:
        return judged.fits(await _waiting(occasion), named)

    return await until_settled(look, occasion.settle_seconds)


async def _waiting(occasion: Occasion) -> Mapping[str, str]:
    from drillbook.clients.kube import path_of

    found = {}
    for namespace in occasion.ground.policy.namespaces:
        for pod in await occasion.ground.kube.list(path_of("pods", namespace)):
            for condition in (pod.get("status") or {}).get("conditions") or ():
                if condition["type"] == "PodScheduled" and condition["status"] == "False" and not is_going(pod):
                    found[pod["metadata"]["name"]] = condition.get("message") or condition.get("reason") or "no reason"
    return found


def _replicas_need(policy: Policy, entry: Entry) -> tuple[Permission, ...]:
    """The autoscaler too, which may ask for more."""
    from drillbook.clients.kube import Permission

    namespace = component_of(policy, entry).namespace
    return (*may()(policy, entry), Permission("list", "horizontalpodautoscalers", "autoscaling", namespace))


def _pods_everywhere(policy: Policy, _entry: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    return tuple(Permission("list", "pods", "", namespace) for namespace in policy.namespaces)


WAYS: Final[Mapping[str, AfterWay]] = {
    "replicas_restored": AfterWay(
        _replicas,
        prepare=_count,
        needs=_replicas_need,
        more=lambda entry: f"to {entry.values['replicas']}" if entry.values["replicas"] is not None else "",
    ),
    "live_version": AfterWay(
        _live, prepare=_know_the_images, more=lambda entry: entry.values["image"] or "", needs=may()
    ),
    "pods_replaced": AfterWay(_replaced, begin=_know_the_pods, needs=may()),
    "capacity_fit": AfterWay(_fits, more=lambda entry: ", ".join(entry.values["hold"]), needs=_pods_everywhere),
}
