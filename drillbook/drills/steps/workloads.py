"""Steps on a workload: restart, undo, scale, new image, new environment, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.clock import iso
from drillbook.drills.steps.ground import Changes, Ground, Way, component_of, seconds_of
from drillbook.errors import ConfigError, DrillAborted
from drillbook.faults.workloads import (
    PLURALS,
    POLL_SECONDS,
    is_going,
    read_workload,
    set_replicas,
    wait_ready,
    workload_of,
    workload_path,
)
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation that ``kubectl rollout restart`` sets on the pod template."""
REVISION: Final = "deployment.kubernetes.io/revision"
"""The annotation that counts a Deployment's roll-outs."""
KINDS: Final = {"deployment": "Deployment", "statefulset": "StatefulSet"}


def may(*pod_verbs: str, patches: bool = False) -> Any:
    """What a step needs that reads a workload and its pods, and what it does to them beyond."""

    def needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
        from drillbook.clients.kube import Permission

        component = component_of(policy, step)
        plural, namespace = PLURALS[workload_of(component).kind], component.namespace
        wanted = [Permission("get", plural, "apps", namespace), Permission("list", "pods", "", namespace)]
        wanted += [Permission("patch", plural, "apps", namespace)] if patches else []
        wanted += [Permission(verb, "pods", "", namespace) for verb in pod_verbs]
        return tuple(wanted)

    return needs


def changing(*fields: str) -> Any:
    """The workload's own fields that a step changes; each new pod template is a new revision."""

    def changes(policy: Policy, step: Entry) -> Changes:
        component = component_of(policy, step)
        workload = workload_of(component)
        return {(KINDS[workload.kind], component.namespace, workload.name): fields}

    return changes


async def restart(ground: Ground, step: Entry) -> str:
    """As ``kubectl rollout restart``: returns as soon as it is asked for."""
    body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: iso(ground.clock.now())}}}}}
    await _patch(ground, step, body)
    return "a roll-out was asked for"


async def undo(ground: Ground, step: Entry) -> str:
    """As ``kubectl rollout undo``: the pod template of an earlier ReplicaSet, by its revision."""
    from drillbook.clients.kube import path_of, selector_text

    component = ground.component(step)
    workload = workload_of(component)
    if workload.kind != "deployment":
        raise ConfigError(f"expected a Deployment, whose ReplicaSets keep its revisions, found {workload}")
    path = workload_path(workload, component.namespace)
    found = await ground.kube.get(path)
    labels = selector_text(found["spec"]["selector"])
    sets = await ground.kube.list(path_of("replicasets", component.namespace), labels=labels)
    revisions = {
        int((one["metadata"].get("annotations") or {}).get(REVISION, 0)): one
        for one in sets
        if any(owner["uid"] == found["metadata"]["uid"] for owner in one["metadata"].get("ownerReferences") or ())
    }
    now = int((found["metadata"].get("annotations") or {}).get(REVISION, 0))
    wanted = step.values["revision"] or max((number for number in revisions if number != now), default=0)
    if wanted not in revisions:
        known = ", ".join(map(str, sorted(revisions)))
        asked = f"revision {step.values['revision']}" if step.values["revision"] else "an earlier revision"
        raise DrillAborted(f"expected {asked} of {workload}, found only {known}, of which {now} is live")
    template = dict(revisions[wanted]["spec"]["template"])
    kept = {k: v for k, v in (template["metadata"].get("labels") or {}).items() if k != "pod-template-hash"}
    template["metadata"] = {**template["metadata"], "labels": kept}
    await ground.kube.patch(path, [{"op": "replace", "path": "/spec/template", "value": template}])
    return f"back to revision {wanted}, from {now}"


async def scale(ground: Ground, step: Entry) -> str:
    """Set the replicas in the workload's own spec."""
    component = ground.component(step)
    await set_replicas(ground.kube, workload_of(component), component.namespace, step.values["replicas"])
    return f"{step.values['replicas']} replicas were asked for"


async def delete_pods(ground: Ground, step: Entry) -> str:
    """Delete every pod that isn't on its way out already."""
    component = ground.component(step)
    state = await read_workload(ground.kube, workload_of(component), component.namespace)
    staying = [pod for pod in state.pods if not is_going(pod)]
    for pod in staying:
        await ground.kube.delete_pod(component.namespace, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
    return f"{len(staying)} pods were deleted"


async def until_ready(ground: Ground, step: Entry) -> str:
    """Every replica that is asked for is there and ready, of the newest spec."""
    component = ground.component(step)
    state = await wait_ready(ground.kube, workload_of(component), component.namespace, None, seconds_of(step))
    return f"{state.replicas} pods of the newest spec are ready"


async def until_gone(ground: Ground, step: Entry) -> str:
    """Not one pod is left: one that is ending can still write."""
    component = ground.component(step)
    workload = workload_of(component)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds_of(step)
    while pods := (await read_workload(ground.kube, workload, component.namespace)).pods:
        if loop.time() >= deadline:
            ending = sum(map(is_going, pods))
            raise DrillAborted(f"expected no pod of {workload}, found {len(pods)}, of which {ending} are ending")
        await asyncio.sleep(POLL_SECONDS)
    return "no pod is left"


async def set_image(ground: Ground, step: Entry) -> str:
    """Another image in one container."""
    container = await _container(ground, step)
    await _patch_container(ground, step, {"name": container, "image": step.values["image"]})
    return f"container {container} is to run {step.values['image']}"


async def set_env(ground: Ground, step: Entry) -> str:
    """Environment variables of one container; those that aren't named stay."""
    container = await _container(ground, step)
    env = [{"name": name, "value": value} for name, value in step.values["values"].items()]
    await _patch_container(ground, step, {"name": container, "env": env})
    return f"container {container} is to have {', '.join(step.values['values'])}"


async def _container(ground: Ground, step: Entry) -> str:
    """The named container, the only one where none is named: a patch would add one that isn't there."""
    component = ground.component(step)
    found = await ground.kube.get(workload_path(workload_of(component), component.namespace))
    names = [one["name"] for one in found["spec"]["template"]["spec"]["containers"]]
    wanted = step.values["container"] or (names[0] if len(names) == 1 else "")
    if wanted not in names:
        asked = f"container {wanted!r}" if wanted else "one container, or a step that names it"
        raise ConfigError(f"expected {asked} in {workload_of(component)}, found {', '.join(names)}")
    return str(wanted)


async def _patch_container(ground: Ground, step: Entry, container: Mapping[str, Any]) -> None:
    await _patch(ground, step, {"spec": {"template": {"spec": {"containers": [container]}}}})


async def _patch(ground: Ground, step: Entry, body: dict[str, Any]) -> None:
    component = ground.component(step)
    await ground.kube.patch(workload_path(workload_of(component), component.namespace), body, "strategic")


def _undo_needs(policy: Policy, step: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    own: tuple[Permission, ...] = may(patches=True)(policy, step)
    return (*own, Permission("list", "replicasets", "apps", component_of(policy, step).namespace))


def _revision(step: Entry) -> str:
    return f"to revision {step.values['revision']}" if step.values["revision"] else ""


_COUNT: Final = f"metadata.annotations.{REVISION}"
_CONTAINERS: Final = "spec.template.spec.containers"

WAYS: Final[Mapping[str, Way]] = {
    "rollout_restart": Way(
        restart,
        may(patches=True),
        changes=changing(f"spec.template.metadata.annotations.{RESTARTED}", _COUNT),
    ),
    "rollout_undo": Way(undo, _undo_needs, _revision, changing("spec.template", _COUNT)),
    "rollout_status": Way(until_ready, may()),
    "scale": Way(scale, may(patches=True), lambda step: f"to {step.values['replicas']}", changing("spec.replicas")),
    "delete_pods": Way(delete_pods, may("delete")),
    "wait_ready": Way(until_ready, may()),
    "wait_gone": Way(until_gone, may()),
    "set_image": Way(
        set_image, may(patches=True), lambda step: f"to {step.values['image']}", changing(_CONTAINERS, _COUNT)
    ),
    "set_env": Way(
        set_env, may(patches=True), lambda step: " ".join(step.values["values"]), changing(_CONTAINERS, _COUNT)
    ),
}
